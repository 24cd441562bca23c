/** How numbers are written for people, the same in the terminal, in reports and in the page. */

/**
 * "1 run", "2 runs".
 * @param number how the count is written
 */
export function counted(count: number, thing: string, number = String(count)): string {
  return `${number} ${thing}${count === 1 ? '' : 's'}`;
}

/** 1234567.5 → "1,234,567.5". */
export function grouped(value: number): string {
  return String(value).replace(/^-?\d+/, (whole) => whole.replaceAll(/\B(?=(\d{3})+$)/g, ','));
}

/** Sizes of files: 1234567 → "1.23 MB". */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${power === 0 ? value : value.toPrecision(3)} ${units[power]}`;
}
