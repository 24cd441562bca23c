// Debian's and Ubuntu's packages, installed with apt-get: as root, or through a sudo that asks for no password.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** What the native parts are built with; the OpenMP flavour of OpenBLAS shares libtorch's thread pool. */
const buildPackages = ['g++', 'libdeflate-dev'];
const libtorchPackages = ['libtorch-dev', 'libopenblas0-openmp'];

/** Programs that single tests need, by the names they go by, and the package that brings each. */
const testPrograms = [
  { commands: ['ffmpeg'], package: 'ffmpeg', isPackaged: () => true },
  { commands: ['nats-server'], package: 'nats-server', isPackaged: () => true },
  {
    commands: ['chromium', 'chromium-browser', 'google-chrome'],
    package: 'chromium',
    // Ubuntu's package of this name fetches a snap, which a container cannot run.
    isPackaged: () => /^ID=debian$/m.test(readIfThere('/etc/os-release')),
  },
];

/** Installs what tests need and is not here; says which tests are skipped where it may not. */
export function installTestPrograms(say) {
  const missing = testPrograms.filter(({ commands }) => !commands.some(isOnPath));
  const packaged = missing.filter(({ isPackaged }) => isPackaged()).map((program) => program.package);
  if (packaged.length > 0 && mayInstall()) install(packaged, 'for the tests', say);
  const left = missing.filter(({ commands }) => !commands.some(isOnPath)).map((program) => program.package);
  if (left.length > 0)
    say(
      `Tests that need ${left.join(' and ')} are skipped. As root on Debian: apt-get install ${left.join(' ')} && npm test`,
    );
}

/** Installs what the native parts are built with, libtorch where asked for. Returns whether it is installed now. */
export function installNativePackages({ withLibtorch }, say) {
  const packages = [...buildPackages, ...(withLibtorch ? libtorchPackages : [])];
  return mayInstall() && install(packages, 'for the native engine (--no-native leaves it out)', say);
}

function mayInstall() {
  if (process.platform !== 'linux' || !succeeds('apt-get', ['--version'])) return false;
  return isRoot() || succeeds('sudo', ['-n', 'true']);
}

function isRoot() {
  return process.getuid() === 0;
}

function install(packages, purpose, say) {
  const asRoot = isRoot() ? [] : ['sudo', '-n'];
  const run = (...commandLine) => {
    const [command, ...rest] = [
      ...asRoot,
      'env',
      'DEBIAN_FRONTEND=noninteractive',
      'apt-get',
      '-q',
      ...commandLine,
    ];
    return spawnSync(command, rest, { encoding: 'utf8', maxBuffer: 1 << 26 });
  };
  const installAll = () => run('install', '-y', '--no-install-recommends', ...packages);
  say(`Installing ${packages.join(', ')} with apt-get, ${purpose}`);
  if (installAll().status === 0) return true;
  // The usual reason on a fresh machine is that the package lists were never fetched.
  run('-o', 'Acquire::Retries=0', 'update');
  const second = installAll();
  if (second.status === 0) return true;
  const reason = second.stderr.split('\n').find((line) => line.startsWith('E: '));
  say(`apt-get could not install them: ${reason?.slice(3) ?? 'it gave no reason'}`);
  return false;
}

export function succeeds(command, commandLine) {
  return spawnSync(command, commandLine, { stdio: 'ignore' }).status === 0;
}

function isOnPath(command) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function readIfThere(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}
