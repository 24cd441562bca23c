/**
 * A list of any length, of which the rows in sight are drawn. It is one stop for the Tab key; arrows, Page Up and Down,
 * Home and End go from row to row, Enter opens a row, and the space bar ticks it where rows can be ticked.
 */
import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { rowAfterKey, scrollFor, visibleRows } from './virtualRows.js';

export interface VirtualListProps {
  readonly label: string;
  readonly count: number;
  /** In CSS pixels; every row's. */
  readonly rowHeight: number;
  readonly row: (index: number) => ComponentChildren;
  /** A name that stays a row's own as the list is sorted. */
  readonly keyOf: (index: number) => string;
  readonly isSelected: (index: number) => boolean;
  readonly onOpen: (index: number) => void;
  readonly onTick?: (index: number) => void;
  /** The row that is to be in sight, whenever it changes. */
  readonly shown?: number | undefined;
}

export function VirtualList(props: VirtualListProps) {
  const { label, count, rowHeight, row, keyOf, isSelected, onOpen, onTick, shown } = props;
  const list = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(0);
  // A signal holds its new value at once: of keys in quick succession each goes on from the last.
  const activeRow = useSignal(0);
  const active = Math.min(activeRow.value, Math.max(0, count - 1));

  useLayoutEffect(() => {
    const element = list.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => setHeight(element.clientHeight));
    observer.observe(element);
    setHeight(element.clientHeight);
    return () => observer.disconnect();
  }, []);

  const bringIntoSight = (index: number): void => {
    const element = list.current;
    if (element !== null)
      element.scrollTop = scrollFor(index, element.scrollTop, element.clientHeight, rowHeight);
  };
  useEffect(() => {
    if (shown === undefined || shown < 0) return;
    activeRow.value = shown;
    bringIntoSight(shown);
  }, [shown, height > 0]);

  const onKeyDown = (event: KeyboardEvent): void => {
    const from = Math.min(activeRow.value, count - 1);
    if (event.key === 'Enter') onOpen(from);
    else if (event.key === ' ') (onTick ?? onOpen)(from);
    else {
      const next = rowAfterKey(event.key, from, Math.floor(height / rowHeight), count);
      if (next === undefined) return;
      activeRow.value = next;
      bringIntoSight(next);
    }
    event.preventDefault();
    event.stopPropagation();
  };

  const { first, end } = visibleRows(top, height, rowHeight, count);
  const idOf = (index: number): string => `${label} ${index}`.replaceAll(' ', '-');
  return (
    <div
      ref={list}
      class="list"
      role="listbox"
      tabIndex={0}
      aria-label={label}
      aria-multiselectable={onTick !== undefined}
      aria-activedescendant={count > 0 ? idOf(active) : undefined}
      onScroll={(event) => setTop(event.currentTarget.scrollTop)}
      onKeyDown={count > 0 ? onKeyDown : undefined}
    >
      <div class="rows" role="presentation" style={{ height: `${count * rowHeight}px` }}>
        {Array.from({ length: end - first }, (_, i) => first + i).map((index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: keys are the list's, which has the focus
          // biome-ignore lint/a11y/useFocusableInteractive: the list has the focus, and names the active row
          <div
            key={keyOf(index)}
            id={idOf(index)}
            role="option"
            class={index === active ? 'row active' : 'row'}
            aria-selected={isSelected(index)}
            aria-posinset={index + 1}
            aria-setsize={count}
            style={{ top: `${index * rowHeight}px`, height: `${rowHeight}px` }}
            onClick={() => {
              activeRow.value = index;
              onOpen(index);
            }}
          >
            {onTick !== undefined && (
              // biome-ignore lint/a11y/useKeyWithClickEvents: the space bar ticks the active row
              // biome-ignore lint/a11y/noStaticElementInteractions: the option itself says whether it is chosen
              <span
                class="tick"
                title="Show together with others"
                onClick={(event) => {
                  event.stopPropagation();
                  activeRow.value = index;
                  onTick(index);
                }}
              />
            )}
            {row(index)}
          </div>
        ))}
      </div>
    </div>
  );
}
