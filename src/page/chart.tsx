/** A chart by echarts, in the colours of the page. */
import { CustomChart, LineChart } from 'echarts/charts';
import { GridComponent, MarkAreaComponent, MarkLineComponent, TooltipComponent } from 'echarts/components';
import { type EChartsCoreOption, type EChartsType, init, use } from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';
import { useEffect, useRef } from 'preact/hooks';
import { isDark } from './state.js';

use([
  ...[LineChart, CustomChart, GridComponent, MarkAreaComponent, MarkLineComponent],
  ...[TooltipComponent, CanvasRenderer],
]);

/** Between the chart's edges and the ends of its axes, in CSS pixels. */
export const margins = { left: 58, right: 14 } as const;

export interface Ink {
  readonly text: string;
  readonly faint: string;
  readonly surface: string;
}

export interface ChartProps {
  /** What it shows, for people who do not see it. */
  readonly label: string;
  /** In CSS pixels. */
  readonly height: number;
  readonly option: (ink: Ink) => EChartsCoreOption;
  /** Told where on the x axis a person presses or drags. */
  readonly onX?: (x: number) => void;
}

export function Chart({ label, height, option, onX }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<EChartsType | null>(null);
  const listener = useRef(onX);
  listener.current = onX;
  const dark = isDark.value;

  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const made = init(element, undefined, { renderer: 'canvas' });
    chart.current = made;
    const observer = new ResizeObserver(() => made.resize());
    observer.observe(element);
    const press = ({ offsetX, offsetY, event }: ZrPointer): void => {
      if (!(event instanceof MouseEvent) || event.buttons === 0) return;
      const [x] = made.convertFromPixel('grid', [offsetX, offsetY]);
      if (x !== undefined) listener.current?.(x);
    };
    made.getZr().on('mousedown', press);
    made.getZr().on('mousemove', press);
    return () => {
      observer.disconnect();
      made.dispose();
    };
  }, []);

  useEffect(() => {
    chart.current?.setOption({ animation: false, ...option(inkOf(place.current)) }, { notMerge: true });
  }, [option, dark]);

  return <div ref={place} class="chart" role="img" aria-label={label} style={{ height: `${height}px` }} />;
}

interface ZrPointer {
  readonly offsetX: number;
  readonly offsetY: number;
  readonly event: unknown;
}

function inkOf(element: HTMLElement | null): Ink {
  const style = getComputedStyle(element ?? document.body);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  return { text: colour('--muted'), faint: colour('--line'), surface: colour('--surface') };
}

/** An axis of numbers in the page's colours. */
export function axis({ text, faint }: Ink, more: Record<string, unknown>): Record<string, unknown> {
  return {
    type: 'value',
    axisLine: { show: true, lineStyle: { color: faint } },
    axisTick: { show: false },
    axisLabel: { color: text, fontFamily: 'Inter', fontSize: 11, hideOverlap: true },
    splitLine: { lineStyle: { color: faint, width: 0.6 } },
    nameTextStyle: { color: text, fontFamily: 'Inter', fontSize: 11 },
    ...more,
  };
}

/**
 * What a pointer shows. Drawn into the canvas: as HTML it would bring styles of its own, which the page's policy
 * refuses.
 */
export function tooltip({ text, faint, surface }: Ink): Record<string, unknown> {
  return {
    trigger: 'axis',
    renderMode: 'richText',
    confine: true,
    backgroundColor: surface,
    borderColor: faint,
    textStyle: { color: text, fontFamily: 'Inter', fontSize: 11 },
    axisPointer: { lineStyle: { color: faint } },
  };
}

/** A colour of the palette as it is told from the page's ground: black is no colour on a dark one. */
export function onGround(color: string, dark: boolean): string {
  const lighter: Readonly<Record<string, string>> = {
    '#000000': '#e8ebef',
    '#0072b2': '#3d9be0',
    '#882255': '#d0699a',
  };
  return dark ? (lighter[color] ?? color) : color;
}
