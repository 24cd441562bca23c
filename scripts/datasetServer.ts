/**
 * The pages behind `rlpd dataset serve`: one HTML page, and a dataset's episodes as JSON and raw pixels. It listens
 * on the loopback address and answers only requests that name it so, so no other page can read the data.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Dataset, openDataset } from '../datasets/reader.js';
import { InputError } from '../src/errors.js';
import { browserPage } from './datasetPage.js';

const HOST = '127.0.0.1';

export interface DatasetServer {
  readonly url: string;
  close(): Promise<void>;
}

/** @param port 0: any that is free @throws InputError where the folder is no dataset or the port is taken */
export async function serveDataset(folder: string, port: number): Promise<DatasetServer> {
  const dataset = await openDataset(folder);
  const server = createServer((request, response) => {
    answer(dataset, request, response).catch((error: Error) => {
      if (response.headersSent) response.destroy();
      else send(response, error instanceof InputError ? 422 : 500, 'text/plain', error.message);
    });
  });
  await listen(server, port);
  const { port: bound } = server.address() as AddressInfo;
  return {
    url: `http://${HOST}:${bound}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? new InputError(`Port ${port} is taken: give another with --port, or 0 for any that is free.`)
          : error,
      ),
    );
    server.listen(port, HOST, resolve);
  });
}

async function answer(dataset: Dataset, request: IncomingMessage, response: ServerResponse): Promise<void> {
  // A page elsewhere could have its own name point here (DNS rebinding); its requests carry that name.
  if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(request.headers.host ?? ''))
    return send(response, 403, 'text/plain', 'This server answers on the loopback address only.');
  if (request.method !== 'GET') return send(response, 405, 'text/plain', 'Only GET is answered.');
  const path = new URL(request.url ?? '/', `http://${HOST}`).pathname;
  if (path === '/') return send(response, 200, 'text/html; charset=utf-8', browserPage);
  if (path === '/dataset.json') return send(response, 200, 'application/json', overview(dataset));
  const match = /^\/episodes\/(\d{1,9})\/(?:values\.json|images\/(\d{1,9}))$/.exec(path);
  const number = Number(match?.[1]);
  if (match === null || number >= dataset.length)
    return send(response, 404, 'text/plain', 'There is no such page.');
  if (match[2] !== undefined) {
    const image = dataset.manifest.images[Number(match[2])];
    if (image === undefined) return send(response, 404, 'text/plain', 'There is no such image.');
    const { images } = await dataset.episode(number, { images: [image.name] });
    return send(response, 200, 'application/octet-stream', images[image.name] ?? new Uint8Array());
  }
  const episode = await dataset.episode(number, { images: false });
  const { actions, rewards, terminated, truncated } = episode;
  const values = { actions: [...actions], rewards: [...rewards], terminated, truncated };
  send(response, 200, 'application/json', JSON.stringify(values));
}

function overview(dataset: Dataset): string {
  const { task, images, actionSize, actionRepeat } = dataset.manifest;
  const episodes = Array.from({ length: dataset.length }, (_, i) => {
    const { id, steps, return: total } = dataset.entry(i);
    return { id, steps, return: total };
  });
  return JSON.stringify({ task, images, actionSize, actionRepeat, episodes });
}

function send(response: ServerResponse, status: number, type: string, body: string | Uint8Array): void {
  response.writeHead(status, {
    'content-type': type,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(body);
}
