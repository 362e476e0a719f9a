// Start times of links: `?t=90`, `?t=90s`, `?t=1m30s`, `?t=1h2m3s`, `?t=1:30`.

const UNITS = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?$/;
const CLOCK = /^(?:(\d+):)?(\d+):(\d{1,2}(?:\.\d+)?)$/;

/** Seconds of a start time, or null if the text is none. */
export function parseStart(text: string | null): number | null {
  const place = text?.trim();
  if (!place) return null;
  const parts = UNITS.exec(place) ?? CLOCK.exec(place);
  if (!parts) return null;
  const [hours = 0, minutes = 0, secs = 0] = parts.slice(1).map((part) => Number(part ?? 0));
  return hours * 3600 + minutes * 60 + secs;
}

/** A link with a start time in whole seconds. That of the beginning has none. */
export function withStart(url: string, secs: number | null): string {
  const start = Math.floor(secs ?? 0);
  if (start <= 0) return url;
  return `${url}${url.includes("?") ? "&" : "?"}t=${start}`;
}
