// Many requests, a few at a time.

import { ApiError } from "../api/error";

const AT_ONCE = 4;
const TRIES = 5;
const PAUSE_MS = 1_000;

export interface Failure<T> {
  item: T;
  reason: unknown;
}

/** Does this with each item. One that fails stops no other; the failures are returned. */
export async function eachOf<T>(
  items: readonly T[],
  work: (item: T) => Promise<void>,
  pauseMs = PAUSE_MS,
): Promise<Failure<T>[]> {
  const failures: Failure<T>[] = [];
  const left = items.values();
  const worker = async () => {
    for (const item of left) {
      try {
        await untilAccepted(() => work(item), pauseMs);
      } catch (reason) {
        failures.push({ item, reason });
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return failures;
}

// The server limits how fast it is asked.
async function untilAccepted(work: () => Promise<void>, pauseMs: number): Promise<void> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await work();
    } catch (reason) {
      const isBusy = reason instanceof ApiError && reason.status === 429;
      if (!isBusy || tried === TRIES) throw reason;
      await new Promise((resolve) => setTimeout(resolve, pauseMs * tried));
    }
  }
}

/** Splits a list. */
export function chunksOf<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, n) =>
    items.slice(n * size, (n + 1) * size),
  );
}
