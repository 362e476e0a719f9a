// Where the pages in memory stand in the whole list.

interface Known {
  /** Index after the last video in memory. */
  end: number;
  hasNext: boolean;
  /** Number of the last page whose place is known. */
  lastSeen: number;
  total: number;
  pageSize: number;
}

/** Number of places that the list has: those in memory, those that were seen, and the next page. */
export function extentOf({ end, hasNext, lastSeen, total, pageSize }: Known): number {
  if (!hasNext) return end;
  const seen = Math.max(end, (lastSeen + 1) * pageSize);
  // The total is an estimate: there is a next page whatever it says.
  return total > end ? Math.min(seen, Math.max(total, end + 1)) : end + 1;
}

interface Place {
  from: number;
  to: number;
  first: number;
  end: number;
  pageSize: number;
}

/** What is to be read, so that the videos `from` to `to` are there: a page beside the window, or one elsewhere. */
export function nextStep(
  { from, to, first, end, pageSize }: Place,
  hasNext: boolean,
  hasPrevious: boolean,
): "next" | "previous" | number | null {
  const isFarAbove = to < first - pageSize;
  const isFarBelow = from > end + pageSize;
  if (isFarAbove || isFarBelow) return Math.max(0, Math.floor(from / pageSize));
  // Ahead of the eye by half a page.
  if (to + pageSize / 2 >= end && hasNext) return "next";
  if (from - pageSize / 4 < first && hasPrevious) return "previous";
  return null;
}
