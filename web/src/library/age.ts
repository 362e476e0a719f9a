const FORMAT = new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "short" });
const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const UNITS = [
  ["second", 60],
  ["minute", 60],
  ["hour", 24],
  ["day", 30],
] as const;

/** How long ago a time was, such as `3 min. ago`; its day if that is longer than a month. */
export function age(at: number, now: number): string {
  let value = Math.max(0, (now - at) / 1000);
  for (const [unit, next] of UNITS) {
    if (value < next) return FORMAT.format(-Math.floor(value), unit);
    value /= next;
  }
  return DAY.format(at);
}
