// When code runs: after others had their turn.

/** Ends the task, so that the browser can answer and paint. */
export const nextTask = () => new Promise<void>((resolve) => setTimeout(resolve));

/** Calls `then` when there is nothing else to do, after `limitMs` at the latest. Returns what gives it up. */
export function whenIdle(then: () => void, limitMs: number): () => void {
  // Safari lacks it.
  if (typeof requestIdleCallback === "undefined") {
    const timer = setTimeout(then, 1);
    return () => clearTimeout(timer);
  }
  const handle = requestIdleCallback(then, { timeout: limitMs });
  return () => cancelIdleCallback(handle);
}
