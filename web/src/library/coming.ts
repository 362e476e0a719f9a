// Of the API, but not in its document yet.

import { raw } from "../api/raw";

interface Settings {
  settings: { key: string; value: unknown }[];
}

/** Seconds for which a delete can be undone, for admins. */
export async function readPurgeDelay(): Promise<number | null> {
  const { settings } = await raw<Settings>("GET", "/v1/system/settings");
  const value = settings.find(({ key }) => key === "housekeeping.purge_delay_secs")?.value;
  return typeof value === "number" ? value : null;
}
