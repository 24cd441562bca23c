/** Sizes as people write them: `4GB`, `500MB`, `1.5GiB`, or a number of bytes. */

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

/** @returns bytes; undefined for what is no size */
export function parseByteSize(text: string): number | undefined {
  const [, number, unit = ''] = /^(\d+\.?\d*|\.\d+) *([kmgt]i?b)?$/i.exec(text.trim()) ?? [];
  if (number === undefined) return undefined;
  return Math.floor(Number(number) * (UNITS[unit.toLowerCase()] as number));
}
