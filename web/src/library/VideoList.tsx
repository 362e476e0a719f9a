// biome-ignore-all lint/a11y/useSemanticElements: rows that are placed one by one are no <table>.
// biome-ignore-all lint/a11y/useFocusableInteractive: what is in them has the focus.
import { defaultRangeExtractor, type Range, useWindowVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useCallback, useEffect, useRef } from "react";
import type { Video } from "../api/types";
import { text } from "../text";
import { Skeleton } from "../ui/Notice";
import type { Sort } from "./filters";
import table from "./Table.module.css";
import { TableHead } from "./TableHead";
import { useLayout } from "./useLayout";
import { useListKeys } from "./useListKeys";
import { type ItemProps, VideoCard } from "./VideoCard";
import css from "./VideoList.module.css";
import { VideoRow } from "./VideoRow";

export interface VideoListProps {
  view: "cards" | "table";
  /** The videos in memory. */
  videos: Video[];
  /** Index of the first of them in the whole list. */
  first: number;
  /** Number of places of the list. */
  extent: number;
  total: number;
  isSelected: (id: string) => boolean;
  /** Reads what is needed to show the videos from one index to another. */
  show: (from: number, to: number) => void;
  sort: Sort;
  onSort: (sort: Sort) => void;
}

/** The list, of which only what is in sight is in the document. */
export function VideoList(props: VideoListProps) {
  const { view, videos, first, extent, total, isSelected, show } = props;
  const list = useRef<HTMLDivElement>(null);
  const { columns, rowHeight, top, width, gap } = useLayout(list, view);
  const rows = Math.ceil(extent / columns);
  const active = useRef(0);

  // The row with the focus stays in the document, wherever it is.
  const rangeExtractor = useCallback(
    (range: Range) => {
      const visible = defaultRangeExtractor(range);
      const row = Math.floor(active.current / columns);
      if (row >= rows || visible.includes(row)) return visible;
      return [...visible, row].sort((a, b) => a - b);
    },
    [columns, rows],
  );
  const virtualizer = useWindowVirtualizer({
    count: width === 0 ? 0 : rows,
    estimateSize: () => rowHeight,
    overscan: view === "cards" ? 2 : 8,
    scrollMargin: top,
    scrollPaddingStart: 140,
    scrollPaddingEnd: 96,
    rangeExtractor,
    useFlushSync: false,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: all rows have another height then.
  useEffect(() => virtualizer.measure(), [rowHeight, virtualizer]);

  const shown = virtualizer.getVirtualItems();
  const { range } = virtualizer;
  const [from, to] = range ? [range.startIndex * columns, (range.endIndex + 1) * columns - 1] : [];
  useEffect(() => {
    if (from !== undefined && to !== undefined) show(from, to);
  }, [from, to, show]);

  const keys = useListKeys({
    list,
    active,
    videos,
    first,
    columns,
    scrollTo: (index) => virtualizer.scrollToIndex(Math.floor(index / columns), { align: "auto" }),
  });
  const inMemory = (index: number) => videos[index - first];
  // The tab stop is where the focus was last, or the first video in sight.
  const stop = inMemory(active.current) ? active.current : Math.max(first, from ?? first);

  const cardWidth = (width - gap * (columns - 1)) / columns;
  const indices = shown.flatMap((row) =>
    Array.from({ length: columns }, (_, column) => ({
      row,
      column,
      index: row.index * columns + column,
    })),
  );
  const item = (index: number): ReactNode => {
    const video = inMemory(index);
    if (!video) return <Skeleton height="100%" />;
    const itemProps: ItemProps = {
      video,
      index,
      isSelected: isSelected(video.id),
      isTabStop: index === stop,
    };
    return view === "cards" ? <VideoCard {...itemProps} /> : <VideoRow {...itemProps} />;
  };
  const places = indices.filter(({ index }) => index < extent);
  const placeOf = (row: { start: number }, column: number) => ({
    width: cardWidth,
    height: rowHeight - gap,
    transform: `translate(${column * (cardWidth + gap)}px, ${row.start - top}px)`,
  });
  const height = Math.max(0, virtualizer.getTotalSize() - gap);
  const ownKey = (index: number) => inMemory(index)?.id ?? index;

  if (view === "table") {
    return (
      <div
        role="table"
        aria-label={text.library.list}
        aria-rowcount={total + 1}
        className={table.table}
        data-testid="library-table"
      >
        <TableHead sort={props.sort} onSort={props.onSort} />
        <div role="rowgroup" ref={list} className={css.list} style={{ height }} {...keys}>
          {places.map(({ row, column, index }) => (
            <div
              key={ownKey(index)}
              role="row"
              aria-rowindex={index + 2}
              className={css.place}
              style={placeOf(row, column)}
            >
              {item(index)}
            </div>
          ))}
        </div>
      </div>
    );
  }
  return (
    <div
      role="list"
      aria-label={text.library.list}
      ref={list}
      className={css.list}
      style={{ height }}
      data-testid="library-cards"
      {...keys}
    >
      {places.map(({ row, column, index }) => (
        <div
          key={ownKey(index)}
          role="listitem"
          aria-setsize={total}
          aria-posinset={index + 1}
          className={css.place}
          style={placeOf(row, column)}
        >
          {item(index)}
        </div>
      ))}
    </div>
  );
}
