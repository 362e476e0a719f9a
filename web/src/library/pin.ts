// While somebody has scrolled away from the top, videos that come are kept out of the list: nothing moves.

import { type RefObject, useEffect, useMemo, useRef } from "react";

const TOP_PX = 160;

/** `created_before` that lets through all videos up to `newest`. */
export function boundAfter(newest: string | undefined, now: number): string {
  const at = newest ? Date.parse(newest) : Number.NaN;
  return new Date((Number.isNaN(at) ? now : at) + 1).toISOString();
}

/** `bound()` is the `created_before` of the moment; `onTop` is called if something may have been kept out. */
export function usePin(newest: RefObject<string | undefined>, onTop: () => void) {
  const before = useRef<string | undefined>(undefined);
  const wasUsed = useRef(false);
  const onTopNow = useRef(onTop);
  onTopNow.current = onTop;
  useEffect(() => {
    const onScroll = () => {
      const isAway = window.scrollY > TOP_PX;
      if (isAway && !before.current) before.current = boundAfter(newest.current, Date.now());
      if (!isAway && before.current) {
        before.current = undefined;
        if (wasUsed.current) onTopNow.current();
        wasUsed.current = false;
      }
    };
    addEventListener("scroll", onScroll, { passive: true });
    return () => removeEventListener("scroll", onScroll);
  }, [newest]);
  return useMemo(
    () => ({
      bound: () => {
        if (before.current) wasUsed.current = true;
        return before.current;
      },
    }),
    [],
  );
}
