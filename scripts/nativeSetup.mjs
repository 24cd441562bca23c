// The part of the set-up that concerns the native parts: builds them, and fetches what that takes where it may. None of
// it fails the set-up: without them the program runs on WebAssembly, many times slower.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { buildInflate } from './inflate.mjs';
import { root, setupCommand } from './installation.mjs';
import { binary, buildNative } from './native.mjs';
import { installPipTorch } from './pipTorch.mjs';
import { installNativePackages } from './systemPackages.mjs';

/**
 * @param {{ say: (line: string) => void, torchFromPip: boolean }} options
 * @returns {Promise<boolean>} false where torch was asked of pip and could not be had
 */
export async function setUpNative({ say, torchFromPip }) {
  if (!canWrite()) {
    say(
      `The native engine was not built: ${root} cannot be written to. In a project of your own: npm install rlpd-pixels && npx rlpd setup`,
    );
    return !torchFromPip;
  }
  const torch = torchFromPip ? installPipTorch(say) : { installed: true, message: undefined };
  if (torch.message !== undefined) say(torch.message);
  let result = await buildNative({ log: say });
  let inflate = buildInflate();
  const lacking = result.missing || inflate.missing;
  if (lacking && installNativePackages({ withLibtorch: !result.built }, say)) {
    result = await buildNative({ log: say });
    inflate = buildInflate();
  }
  if (inflate.message !== undefined) say(inflate.message);
  if (result.fresh) say(whyItDoesNotLoad() ?? result.message);
  else if (!result.built)
    say(`${result.message}\nGoing on without it, on WebAssembly, which is many times slower.`);
  return torch.installed;
}

function canWrite() {
  try {
    mkdirSync(dirname(binary), { recursive: true });
    accessSync(dirname(binary), constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** In a process of its own, since a library that does not fit can take the whole process down. */
function whyItDoesNotLoad() {
  const trial = spawnSync(process.execPath, ['-e', `require(${JSON.stringify(binary)})`], {
    encoding: 'utf8',
  });
  if (trial.status === 0) return undefined;
  const reason =
    /^Error: (.*)$/m.exec(trial.stderr)?.[1] ?? `its process ended with ${trial.signal ?? trial.status}`;
  return `The native engine is built but does not load: ${reason}\nWith another libtorch: LIBTORCH=/path/to/libtorch ${setupCommand()}`;
}
