/**
 * Writes a policy's page: one document, with its program and all that this needs inside, so that it opens from a file as
 * from any server. The program is bundled when the page is written, since a task of one's own is a part of it.
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BuildFailure, Plugin } from 'esbuild';
import { bringModel } from '../../envs/modelFiles.js';
import type { SuiteTask } from '../../envs/suite/task.js';
import { InputError } from '../errors.js';
import { writeFileAtomic } from '../files/atomicFile.js';
import { makeFolder } from '../files/makeFolder.js';
import type { PageSettings } from './content.js';
import { isPage, pageText } from './pageText.js';

export interface PageOptions {
  readonly folder: string;
  readonly task: SuiteTask;
  /** Whole path of the module that exports it; undefined where it is one that comes with the program. */
  readonly taskModule: string | undefined;
  /** ONNX. */
  readonly policy: Uint8Array;
  readonly settings: Omit<PageSettings, 'task' | 'model'>;
}

export interface WrittenPage {
  readonly file: string;
  readonly bytes: number;
}

/** Where the compiled modules lie. */
const own = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/**
 * @throws InputError where a package that it takes is not installed, or the task's module needs more than a browser has
 */
export async function writePage(options: PageOptions): Promise<WrittenPage> {
  const { folder, task, taskModule, policy } = options;
  const file = join(folder, 'index.html');
  await requireOwn(file);
  const { build } = await needed(() => import('esbuild'), 'esbuild');
  const { model, files } = modelFiles(task.model);
  const settings: PageSettings = { ...options.settings, task: task.name, model };
  const runtime = await needed(
    () => readFile(createRequire(import.meta.url).resolve('onnxruntime-web/ort-wasm-simd-threaded.wasm')),
    'onnxruntime-web',
  );
  const embedded = new Map<string, Uint8Array>([['policy', policy], ['runtime', runtime], ...files]);
  const names = [...files.keys()];
  const entry = [
    `import { startPage } from ${JSON.stringify(own('src/web/page/main.js'))};`,
    `import * as taskModule from ${JSON.stringify(taskModule ?? own('envs/suite/suiteTasks.js'))};`,
    "import policy from 'embedded:policy';",
    "import runtime from 'embedded:runtime';",
    ...names.map((name, i) => `import file${i} from ${JSON.stringify(`embedded:${name}`)};`),
    `const modelFiles = {${names.map((name, i) => `${JSON.stringify(name)}: file${i}`).join(', ')}};`,
    `startPage({ settings: ${JSON.stringify(settings)}, taskModule, policy, runtime, modelFiles });`,
  ].join('\n');
  const built = await build({
    stdin: { contents: entry, resolveDir: own('.') },
    plugins: [embedding(embedded)],
    // A model is embedded, whatever its address.
    define: { 'import.meta.url': '"file:///"' },
    // Parts of MuJoCo's binding that run in Node alone.
    external: ['module', 'fs', 'path', 'url', 'crypto', 'node:crypto'],
    ...{ bundle: true, minify: true, write: false, format: 'esm', target: 'es2022', platform: 'browser' },
    logLevel: 'silent',
  }).catch((error: BuildFailure) => {
    const [first] = error.errors;
    const file = first?.location?.file ?? '';
    if (taskModule === undefined || first === undefined) throw error;
    throw new InputError(
      `${taskModule} cannot run in a browser: ${first.text}${file === '' ? '' : ` (in ${file})`}; a task that leaves keeps to its model, MuJoCo's state and plain arithmetic.`,
    );
  });
  const page = Buffer.from(pageText(settings, built.outputFiles[0]?.text ?? ''));
  await makeFolder(folder);
  await writeFileAtomic(file, page);
  return { file, bytes: page.length };
}

/** @throws InputError where another page lies there */
async function requireOwn(file: string): Promise<void> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  });
  if (text !== undefined && !isPage(text))
    throw new InputError(
      `${file} is there, and no policy's page: choose another folder for --web, or take that file away.`,
    );
}

async function needed<Found>(find: () => Promise<Found>, name: string): Promise<Found> {
  return find().catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ERR_MODULE_NOT_FOUND' && error.code !== 'MODULE_NOT_FOUND') throw error;
    throw new InputError(
      `A page takes ${name}, which is not installed: npm install esbuild onnxruntime-web, and run this again.`,
    );
  });
}

/** Files that stand in the bundle as bytes, and the page's own module where the program reads models from the disk. */
function embedding(files: ReadonlyMap<string, Uint8Array>): Plugin {
  return {
    name: 'embedding',
    setup(build) {
      build.onResolve({ filter: /^embedded:/ }, ({ path }) => ({
        path: path.slice('embedded:'.length),
        namespace: 'embedded',
      }));
      build.onLoad({ filter: /.*/, namespace: 'embedded' }, ({ path }) => ({
        contents: files.get(path) ?? new Uint8Array(),
        loader: 'binary',
      }));
      build.onResolve({ filter: /\/modelFiles\.js$/ }, () => ({
        path: own('src/web/page/embeddedModel.js'),
      }));
    },
  };
}

/** The model and all that it names, by their paths from the folder that holds them all. */
function modelFiles(file: URL): { model: string; files: Map<string, Uint8Array> } {
  const found = new Map<string, Uint8Array>();
  const main = bringModel(
    {
      mkdirTree: () => {},
      writeFile: (path, data) => found.set(path, typeof data === 'string' ? Buffer.from(data) : data),
    },
    file,
    '',
  );
  const root = commonFolder([...found.keys()]);
  const within = (path: string): string => relative(root, path).split(sep).join('/');
  return {
    model: within(main),
    files: new Map([...found].map(([path, data]) => [within(path), data])),
  };
}

function commonFolder(paths: readonly string[]): string {
  let folder = dirname(paths[0] ?? '/');
  while (paths.some((path) => !path.startsWith(folder.endsWith('/') ? folder : `${folder}/`)))
    folder = dirname(folder);
  return folder;
}
