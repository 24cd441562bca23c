/** The band of a curve's interval as a series of echarts, which has none of its own. */

export interface SeriesApi {
  value(dimension: number): number;
  coord(point: readonly number[]): number[];
}

/** A filled polygon: along the upper end, and back along the lower. */
export function bandSeries(
  x: ArrayLike<number>,
  low: ArrayLike<number>,
  high: ArrayLike<number>,
  color: string,
): Record<string, unknown> {
  const finite = Array.from({ length: x.length }, (_, i) => i).filter(
    (i) => Number.isFinite(low[i]) && Number.isFinite(high[i]),
  );
  const outline = [
    ...finite.map((i) => [x[i] as number, high[i] as number]),
    ...finite.reverse().map((i) => [x[i] as number, low[i] as number]),
  ];
  return {
    type: 'custom',
    data: [[x[0] ?? 0, low[0] ?? 0]],
    silent: true,
    clip: true,
    z: 1,
    renderItem: (_: unknown, api: SeriesApi) => ({
      type: 'polygon',
      shape: { points: outline.map((point) => api.coord(point)) },
      style: { fill: color, opacity: 0.15 },
    }),
  };
}
