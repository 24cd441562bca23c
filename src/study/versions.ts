/** Which versions of the program a result is of: the one that made it, and those that were seen to begin it the same. */
import { type Fingerprint, sameFingerprint } from './fingerprint.js';
import type { Provenance } from './results.js';

type OfVersions = Pick<Provenance, 'fingerprint' | 'verified'>;

/** The one that made it comes first, the one that was verified last comes last. */
function versionsOf({ fingerprint, verified }: OfVersions): readonly Fingerprint[] {
  return [fingerprint, ...verified.map((seen) => seen.fingerprint)];
}

export function latestVersion(result: OfVersions): Fingerprint {
  return versionsOf(result).at(-1) ?? result.fingerprint;
}

export function isOfVersion(result: OfVersions, version: Fingerprint): boolean {
  return versionsOf(result).some((own) => sameFingerprint(own, version));
}

/** Whether some version of the program is known to compute the numbers of both. */
export function shareVersion(a: OfVersions, b: OfVersions): boolean {
  return versionsOf(a).some((version) => isOfVersion(b, version));
}
