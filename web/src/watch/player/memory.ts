// Settings of the player and places in videos, kept in this browser.

export interface PlayerSettings {
  /** 0 to 1. */
  volume: number;
  isMuted: boolean;
  rate: number;
  /** Language of the captions, "off", or null as long as nobody has chosen. */
  captions: string | null;
}

type Store = Pick<Storage, "getItem" | "setItem">;
type Places = Record<string, { secs: number; at: number }>;

// Frames of other sites may not even read the property, which then throws.
const browserStore: Store = {
  getItem: (key) => localStorage.getItem(key),
  setItem: (key, value) => localStorage.setItem(key, value),
};

const SETTINGS = "ladderd.player";
const PLACES = "ladderd.places";
const MAX_PLACES = 200;
// Nobody misses the first seconds, and nobody returns to the last ones.
const BEGIN_SECS = 5;
const END_SECS = 2;
const END_SHARE = 0.97;

const DEFAULTS: PlayerSettings = { volume: 1, isMuted: false, rate: 1, captions: null };

export function readSettings(store: Store = browserStore): PlayerSettings {
  const stored = read<Partial<PlayerSettings>>(store, SETTINGS) ?? {};
  const { volume, isMuted, rate, captions } = { ...DEFAULTS, ...stored };
  return {
    volume: isWithin(volume, 0, 1) ? volume : DEFAULTS.volume,
    isMuted: isMuted === true,
    rate: isWithin(rate, 0.25, 4) ? rate : DEFAULTS.rate,
    captions: typeof captions === "string" ? captions : null,
  };
}

export function writeSettings(change: Partial<PlayerSettings>, store: Store = browserStore): void {
  write(store, SETTINGS, { ...readSettings(store), ...change });
}

/** Where somebody left a video, or null. */
export function readPlace(id: string, store: Store = browserStore): number | null {
  const secs = read<Places>(store, PLACES)?.[id]?.secs;
  return isWithin(secs, BEGIN_SECS, Number.MAX_VALUE) ? secs : null;
}

/** Keeps a place. At the end of the video, it is forgotten. */
export function writePlace(
  id: string,
  secs: number,
  durationSecs: number,
  store: Store = browserStore,
): void {
  const places = read<Places>(store, PLACES) ?? {};
  const isAtEnd = secs >= durationSecs - END_SECS || secs >= durationSecs * END_SHARE;
  if (secs < BEGIN_SECS || isAtEnd) {
    if (!(id in places)) return;
    delete places[id];
  } else {
    places[id] = { secs, at: Date.now() };
  }
  const newest = Object.entries(places).sort(([, a], [, b]) => b.at - a.at);
  write(store, PLACES, Object.fromEntries(newest.slice(0, MAX_PLACES)));
}

function isWithin(value: unknown, least: number, most: number): value is number {
  return typeof value === "number" && value >= least && value <= most;
}

// Browsers may refuse storage to frames of other sites.
function read<T>(store: Store, key: string): T | null {
  try {
    const value: unknown = JSON.parse(store.getItem(key) ?? "null");
    return typeof value === "object" ? (value as T) : null;
  } catch {
    return null;
  }
}

function write(store: Store, key: string, value: unknown): void {
  try {
    store.setItem(key, JSON.stringify(value));
  } catch {
    // The player works without a memory.
  }
}
