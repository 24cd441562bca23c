/** Robots of remoteRobotServer.ts for a test, each in a thread that ends with it. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { RobotChanges } from './remoteRobotServer.js';

/** Its task's name. */
export async function startRobot(
  context: { after(clean: () => Promise<unknown>): void },
  changes: RobotChanges = {},
): Promise<string> {
  const server = new Worker(new URL('./remoteRobotServer.js', import.meta.url), { workerData: changes });
  context.after(() => server.terminate());
  const [port] = await once(server, 'message');
  return `remote:127.0.0.1:${port}`;
}
