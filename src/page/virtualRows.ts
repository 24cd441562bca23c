/** Which rows of a long list are drawn: those in sight and a few beyond, so that ten thousand cost as much as twenty. */

const BEYOND = 6;

export interface VisibleRows {
  readonly first: number;
  /** One past the last. */
  readonly end: number;
}

export function visibleRows(top: number, height: number, rowHeight: number, count: number): VisibleRows {
  const first = Math.max(0, Math.floor(top / rowHeight) - BEYOND);
  const end = Math.min(count, Math.ceil((top + height) / rowHeight) + BEYOND);
  return { first: Math.min(first, end), end };
}

/** Where a list has to be scrolled to for all of a row to be in sight: as little as that takes. */
export function scrollFor(row: number, top: number, height: number, rowHeight: number): number {
  return Math.max((row + 1) * rowHeight - height, Math.min(top, row * rowHeight));
}

/** The row that a key goes to from `row`; undefined where it is no such key. */
export function rowAfterKey(key: string, row: number, perPage: number, count: number): number | undefined {
  const to: Readonly<Record<string, number>> = {
    ArrowDown: row + 1,
    ArrowUp: row - 1,
    PageDown: row + perPage,
    PageUp: row - perPage,
    Home: 0,
    End: count - 1,
  };
  const wanted = to[key];
  return wanted === undefined ? undefined : Math.min(count - 1, Math.max(0, wanted));
}
