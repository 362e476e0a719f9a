// Times to wait.

const LEAST_SECS = 1;
const MOST_SECS = 30;
// A token is renewed while this share of its time is left, so that a slow network has time for it.
const RENEW_SHARE = 0.2;
const LEAST_RENEW_MS = 5_000;

/** Seconds to wait, as `Retry-After` says, within limits. */
export function retryAfterSecs(header: string | null): number {
  const secs = Number(header ?? LEAST_SECS);
  return Math.min(MOST_SECS, Math.max(LEAST_SECS, Number.isFinite(secs) ? secs : LEAST_SECS));
}

/** When a token should be renewed, in milliseconds from now. */
export function renewAfterMs(expiresAt: string, now: number): number {
  return Math.max(LEAST_RENEW_MS, (Date.parse(expiresAt) - now) * (1 - RENEW_SHARE));
}
