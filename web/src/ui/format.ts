// Numbers, sizes and times as people read them.

const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** Bytes, such as `1.4 GB`. */
export function bytes(count: number): string {
  let value = count;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 99.5 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

/** Bits per second, such as `4.2 Mbit/s`. */
export function bitrate(bps: number): string {
  return bps >= 999_500 ? `${(bps / 1e6).toFixed(1)} Mbit/s` : `${Math.round(bps / 1e3)} kbit/s`;
}

/** A place in a video, such as `1:02:03` or `0:07`. */
export function clock(secs: number): string {
  const whole = Math.max(0, Math.floor(secs));
  const two = (value: number) => String(value).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const end = two(whole % 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${end}` : `${minutes}:${end}`;
}

/** A time span, such as `2 h 5 min`, `3 min 20 s` or `12 s`. */
export function span(secs: number): string {
  const whole = Math.max(0, Math.ceil(secs));
  if (whole >= 3600) {
    const minutes = Math.round(whole / 60);
    return `${Math.floor(minutes / 60)} h${minutes % 60 ? ` ${minutes % 60} min` : ""}`;
  }
  if (whole >= 60) return `${Math.floor(whole / 60)} min${whole % 60 ? ` ${whole % 60} s` : ""}`;
  return `${whole} s`;
}

/** A share, such as `42 %`. It is 100 % only at the end. */
export function percent(share: number): string {
  return `${Math.floor(Math.min(1, Math.max(0, share)) * 100)} %`;
}

const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const MOMENT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** A day, such as `30 Nov 2026`. */
export const day = (rfc3339: string) => DAY.format(new Date(rfc3339));

/** A day and a time. */
export const moment = (rfc3339: string) => MOMENT.format(new Date(rfc3339));

/** A count with its noun, such as `1 video` or `12,000 videos`. */
export function plural(count: number, one: string, many: string): string {
  return `${count.toLocaleString()} ${count === 1 ? one : many}`;
}
