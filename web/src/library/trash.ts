// Whether the server keeps deleted videos for a while.

import { readPurgeDelay } from "./coming";

let keeps: boolean | null = null;

/** Whether a delete can be undone; `null` if only a delete will tell. */
export async function canUndo(isAdmin: boolean): Promise<boolean | null> {
  if (keeps === null && isAdmin) {
    const delay = await readPurgeDelay().catch(() => null);
    if (delay !== null) keeps = delay > 0;
  }
  return keeps;
}

/** Learns from a deleted video. */
export function isRestorable(purgeAfter: string | null | undefined, now = Date.now()): boolean {
  return purgeAfter ? Date.parse(purgeAfter) > now : false;
}

/** Remembers whether the last delete could be undone. */
export function learn(couldBeUndone: boolean): void {
  keeps = couldBeUndone;
}
