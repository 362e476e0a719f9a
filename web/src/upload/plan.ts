// How many requests run at a time, and how fast the bytes go.

/** Requests over all files. A browser opens six connections to a host, and the API may be on the same one. */
export const MOST_SLOTS = 4;
const LEAST_SLOTS = 2;
/** Time that a part may take: as much is sent again after the network was cut. */
const PART_SECS = 60;

/**
 * Requests at a time for a measured speed in bytes per second, or `null` before it is known. On a slow line fewer
 * parts share it, so that each of them is soon safe.
 */
export function slotsFor(bytesPerSec: number | null, partSize: number): number {
  if (bytesPerSec === null || partSize <= 0) return MOST_SLOTS;
  const slots = Math.floor((bytesPerSec * PART_SECS) / partSize);
  return Math.min(MOST_SLOTS, Math.max(LEAST_SLOTS, slots));
}

/** The place of a part in its file: first byte and the one behind its last. */
export function rangeOf(part: number, partSize: number, size: number): [number, number] {
  const from = (part - 1) * partSize;
  return [from, Math.min(size, from + partSize)];
}

const WINDOW_MS = 10_000;
const LEAST_MS = 1_000;

/** Speed over the last ten seconds. */
export class Meter {
  #samples: { at: number; bytes: number }[] = [];
  #total = 0;

  add(bytes: number, now: number): void {
    if (bytes <= 0) return;
    const last = this.#samples.at(-1);
    // A pause is no slowness.
    if (last && now - last.at > WINDOW_MS) this.#samples = [];
    this.#total += bytes;
    this.#samples.push({ at: now, bytes: this.#total });
    while ((this.#samples[0]?.at ?? now) < now - WINDOW_MS) this.#samples.shift();
  }

  /** Bytes per second; `null` until there is a second to measure. */
  speed(now: number): number | null {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (!first || !last || now - last.at > WINDOW_MS) return null;
    const span = now - first.at;
    return span < LEAST_MS ? null : ((last.bytes - first.bytes) * 1000) / span;
  }
}
