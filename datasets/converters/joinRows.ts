/** Numbers of several columns side by side. */

/** @param columns `[rows, …]` each @returns `[rows, …]`, side by side; a single one as it is */
export function joinRows(columns: readonly Float32Array[], rows: number): Float32Array {
  const [only, ...others] = columns;
  if (only !== undefined && others.length === 0) return only;
  const sizes = columns.map((column) => (rows === 0 ? 0 : column.length / rows));
  const joined = new Float32Array(columns.reduce((sum, column) => sum + column.length, 0));
  let at = 0;
  for (let row = 0; row < rows; row++)
    columns.forEach((column, i) => {
      const size = sizes[i] as number;
      joined.set(column.subarray(row * size, (row + 1) * size), at);
      at += size;
    });
  return joined;
}
