/** `rlpd export`: a policy in a format that other programs run. */
import { dirname } from 'node:path';
import { Command } from 'commander';
import { simulatedTask } from '../envs/suite/registry.js';
import { locateTask } from '../envs/taskModule.js';
import { InputError } from '../src/errors.js';
import { formatBytes } from '../src/words.js';
import { note, printResult } from './console.js';
import { examples, wholeNumber } from './settings.js';

interface Flags {
  readonly out?: string;
  readonly web?: string;
  readonly task?: string;
  readonly check: number;
  readonly json?: boolean;
}

export const exportCommand = examples(
  new Command('export')
    .argument('<policy>', "a policy file, such as RUN/best.safetensors, or a run's folder: its best policy")
    .option('--out <file>', 'an ONNX file (opset 17)')
    .option(
      '--web <folder>',
      'a page on which it acts in any browser, without a server (needs esbuild and onnxruntime-web)',
    )
    .option('--task <name>', 'the environment that it acts in; default: the one it was trained in')
    .option(
      '--check <observations>',
      'compare the file with the policy on so many observations (needs onnxruntime-web); 0: do not',
      wholeNumber(0),
      100,
    )
    .option('--json', 'print the result as one JSON object on the last line; all else goes to stderr'),
  [
    'rlpd export runs/walker --out walker.onnx',
    'rlpd export runs/walker --web walker      # then open walker/index.html',
    'rlpd export runs/door/policies/step-00020000.safetensors --task remote:127.0.0.1:5555 --out door.onnx',
  ],
).action(async (path: string, { out, web, task, check, json }: Flags) => {
  const { makeEnv } = await import('../envs/makeEnv.js');
  const { selectBackend } = await import('../src/backend/select.js');
  const { environmentOptions } = await import('../src/training/environmentOptions.js');
  const { exportPolicy } = await import('../src/onnx/exportPolicy.js');
  const { comparePolicy } = await import('../src/onnx/comparePolicy.js');
  const { policyAgent, readPolicyAt } = await import('../src/training/policyFile.js');
  const { writeFileAtomic } = await import('../src/files/atomicFile.js');
  const { makeFolder } = await import('../src/files/makeFolder.js');
  const { scoreWords, writePolicyPage } = await import('../src/web/policyPage.js');
  if (out === undefined && web === undefined)
    throw new InputError('Say where to: --out FILE.onnx, or --web DIR for a page.');
  if (out !== undefined && !out.endsWith('.onnx'))
    throw new InputError(`--out ${out} is to be an ONNX file: give it a name that ends in .onnx.`);
  const file = await readPolicyAt(path);
  note(`The policy after ${file.envFrames} env frames, ${scoreWords(file)}.`);
  if (file.envFrames === 0)
    note(
      'It has not learnt yet: name another of its run, such as RUN/policies/step-00010000.safetensors, which --snapshots keeps.',
    );
  const place = locateTask(task ?? file.config.task, task === undefined ? path : undefined);
  // Before anything is computed.
  if (web !== undefined) await simulatedTask(place);
  const environment = await makeEnv(place, environmentOptions(file.config));
  try {
    const model = exportPolicy(file, environment);
    let compared = null;
    if (check > 0) {
      // Float32, as the file computes.
      await selectBackend({ backend: 'auto', precision: 'float32', threads: 1 });
      const agent = policyAgent(file, environment, 0);
      compared = await comparePolicy(model, agent, environment, check, 0);
      agent.dispose();
      if (compared === null)
        note('Not compared with the policy: npm install onnxruntime-web, and run this again.');
    }
    if (compared !== null && !Number.isFinite(compared.largestDifference))
      throw new InputError(
        `${path} gives actions that are no numbers: its training diverged, and nothing was exported.`,
      );
    const said: string[] = [];
    if (out !== undefined) {
      await makeFolder(dirname(out));
      await writeFileAtomic(out, model);
      said.push(
        `${out} holds the policy (${model.length} bytes); its metadata says which images it takes and how long an action lasts.`,
      );
    }
    if (web !== undefined) {
      if (environmentOptions(file.config).distraction !== undefined)
        note("The page shows the task's own look, without the distraction that the policy was trained with.");
      const page = await writePolicyPage({ folder: web, policy: file, model, task: place, environment });
      said.push(`${page.file} is a page on which it acts: open it (${formatBytes(page.bytes)}).`);
    }
    const { largestDifference = null } = compared ?? {};
    if (largestDifference !== null)
      said.push(
        `On ${check} observations its actions differ from the policy's by ${largestDifference.toExponential(1)} at most, of 2 from end to end.`,
      );
    printResult(
      json,
      {
        out: out ?? null,
        web: web ?? null,
        bytes: model.length,
        observations: compared?.observations ?? 0,
        largestDifference,
      },
      said.join('\n'),
    );
  } finally {
    environment.close();
  }
});
