// Runs a command with the `tensorflow` engine where tfjs-node's own download cannot be had: builds its addon, from the
// sources inside the npm package, against the libtensorflow inside PyPI's tensorflow-cpu wheel.
//   node test/peers/tfjsNode.mjs node dist/scripts/rlpd.js bench update --backend tensorflow
// Needs a C++ compiler, python3 with pip, and 2 GB under build/peers; what is there is not made again. The project's
// own node_modules stay as they are: a resolver hook tells the command's process where the package lies.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const tfjsNodeVersion = '4.22.0';
// tfjs-node is made for 2.9.1; this is the newest whose wheel holds the C library and the headers, and pip has it for
// this Python version whatever python3 is.
const tensorflowVersion = '2.15.1';
const wheelPython = '3.11';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const folder = join(root, 'build', 'peers', `tfjs-node-${tfjsNodeVersion}-tensorflow-${tensorflowVersion}`);
const packageFolder = join(folder, 'node_modules', '@tensorflow', 'tfjs-node');
/** Where tfjs-node looks for its addon. */
const addon = join(packageFolder, 'lib', 'napi-v8', 'tfjs_binding.node');

const [command, ...commandArguments] = process.argv.slice(2);
if (command === undefined) {
  console.error('Usage: node test/peers/tfjsNode.mjs COMMAND [ARGUMENTS]');
  process.exit(2);
}
if (!existsSync(addon)) makeAddon();
const hooks = pathToFileURL(join(root, 'test', 'peers', 'tfjsNodeResolve.mjs'));
const install = `import { register } from 'node:module'; register(${JSON.stringify(hooks)});`;
const child = spawn(command, commandArguments, {
  stdio: 'inherit',
  env: {
    ...process.env,
    TF_CPP_MIN_LOG_LEVEL: process.env.TF_CPP_MIN_LOG_LEVEL ?? '1',
    RLPD_TFJS_NODE: pathToFileURL(`${folder}/`).href,
    NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --import=data:text/javascript,${encodeURIComponent(install)}`,
  },
});
child.on('error', (error) => {
  console.error(error.message);
  process.exitCode = 1;
});
child.on('exit', (code) => {
  process.exitCode = code ?? 1;
});

function makeAddon() {
  const log = (line) => console.error(line);
  const run = (program, programArguments) =>
    execFileSync(program, programArguments, { cwd: folder, stdio: ['ignore', 2, 2] });
  mkdirSync(folder, { recursive: true });
  log(`Installing @tensorflow/tfjs-node ${tfjsNodeVersion} without its download`);
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  run('npm', ['install', '--ignore-scripts', '--no-audit', `@tensorflow/tfjs-node@${tfjsNodeVersion}`]);
  log(`Fetching the tensorflow-cpu ${tensorflowVersion} wheel`);
  run('python3', [
    ...['-m', 'pip', 'download', '--quiet', '--no-deps', '--only-binary=:all:', '--dest', 'wheel'],
    ...['--python-version', wheelPython, '--platform', 'manylinux_2_17_x86_64'],
    `tensorflow-cpu==${tensorflowVersion}`,
  ]);
  // The libraries and their headers.
  run('python3', [
    '-c',
    `import glob, zipfile
with zipfile.ZipFile(glob.glob("wheel/*.whl")[0]) as wheel:
    wheel.extractall(members=[name for name in wheel.namelist()
                              if name.startswith(("tensorflow/include/", "tensorflow/libtensorflow"))])`,
  ]);
  rmSync(join(folder, 'wheel'), { recursive: true });
  log('Compiling the addon');
  const libraries = join(folder, 'tensorflow');
  mkdirSync(dirname(addon), { recursive: true });
  run(process.env.CXX ?? 'c++', [
    ...['-std=c++17', '-O2', '-fPIC', '-shared', '-DNAPI_VERSION=8', '-o', `${addon}.part`],
    ...['-I', packageFolder, '-I', join(root, 'node_modules', 'node-api-headers', 'include')],
    ...['-I', join(libraries, 'include')],
    ...['tfjs_backend.cc', 'tfjs_binding.cc'].map((name) => join(packageFolder, 'binding', name)),
    ...[`-L${libraries}`, '-l:libtensorflow_cc.so.2', '-l:libtensorflow_framework.so.2'],
    ...['-Xlinker', '-rpath', '-Xlinker', libraries],
  ]);
  renameSync(`${addon}.part`, addon);
}
