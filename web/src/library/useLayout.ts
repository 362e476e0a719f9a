import { type RefObject, useLayoutEffect, useState } from "react";

export interface Layout {
  columns: number;
  /** Height of a row with the gap below it, in pixels. */
  rowHeight: number;
  /** Distance of the list from the top of the page. */
  top: number;
  width: number;
  gap: number;
}

const MIN_CARD_REM = 16;
const GAP_REM = 1;
// Title, state and detail below the poster, and the borders; as in VideoCard.module.css.
const BODY_REM = 6.125;
const ROW_REM = 4.5;

/** Places of cards or rows in a list so many pixels wide. */
export function layoutOf(view: "cards" | "table", width: number, rem: number) {
  if (view === "table") return { columns: 1, rowHeight: ROW_REM * rem, gap: 0 };
  const gap = GAP_REM * rem;
  const columns = Math.max(1, Math.floor((width + gap) / (MIN_CARD_REM * rem + gap)));
  const card = (width - gap * (columns - 1)) / columns;
  return { columns, rowHeight: Math.ceil((card * 9) / 16 + BODY_REM * rem + 2 + gap), gap };
}

/** Measures the list. */
export function useLayout(list: RefObject<HTMLElement | null>, view: "cards" | "table"): Layout {
  const [box, setBox] = useState({ top: 0, width: 0, rem: 16 });
  useLayoutEffect(() => {
    const element = list.current;
    if (!element) return;
    const measure = () => {
      const { top, width } = element.getBoundingClientRect();
      const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
      const next = { top: Math.round(top + window.scrollY), width, rem };
      setBox((now) =>
        now.top === next.top && now.width === next.width && now.rem === next.rem ? now : next,
      );
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    // Notices above the list move it.
    observer.observe(document.body);
    return () => observer.disconnect();
  }, [list]);
  return { ...layoutOf(view, box.width, box.rem), top: box.top, width: box.width };
}
