// Whether the server keeps deleted videos for a while.

import { api, body } from "../api/client";

let keeps: boolean | null = null;

/** Whether a delete can be undone; `null` if only a delete will tell. */
export async function canUndo(isAdmin: boolean): Promise<boolean | null> {
  if (keeps === null && isAdmin) {
    keeps = await readKeeps().catch(() => null);
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

// The settings are for admins.
async function readKeeps(): Promise<boolean | null> {
  const { settings } = await body(api.GET("/v1/system/settings"));
  const delay = settings.find(({ key }) => key === "housekeeping.purge_delay_secs")?.value;
  return typeof delay === "number" ? delay > 0 : null;
}
