// Which tab sends a file, and what tabs tell each other.

import { randomKey } from "./fingerprint";
import type { Item, ItemEvent, Shown } from "./item";

const NAME = "ladderd.uploads";
/** Time in which a tab answers that has a file, where there are no Web Locks. */
const ANSWER_MS = 400;
const ASK_AGAIN_MS = 5_000;

/** What one tab tells the others. */
export type Told =
  /** Files that this tab has, and how far they are. `owner` is who is signed in. */
  | {
      type: "shown";
      items: { item: Omit<Item, "urls" | "headers" | "etags" | "inFlight">; shown: Shown }[];
    }
  /** A tab has been opened and wants to know. */
  | { type: "hello" }
  /** A wish of the user, for the tab that has the file. */
  | { type: "wish"; key: string; event: ItemEvent }
  | { type: "file"; key: string; file: File };

type Claim = { type: "claim" | "held"; key: string; tab: string };

export interface Channel {
  tell: (told: Told) => void;
  close: () => void;
}

export function openChannel(onTold: (told: Told) => void): Channel {
  const channel = new BroadcastChannel(NAME);
  channel.onmessage = (message) => onTold(message.data as Told);
  return { tell: (told) => channel.postMessage(told), close: () => channel.close() };
}

export interface Locks {
  /** Calls `onMine` once this tab has the file; at once if no other has it. */
  take: (key: string, onMine: () => void) => void;
  release: (key: string) => void;
}

export function openLocks(): Locks {
  return typeof navigator !== "undefined" && navigator.locks ? webLocks() : claims();
}

function webLocks(): Locks {
  const ends = new Map<string, () => void>();
  return {
    take(key, onMine) {
      if (ends.has(key)) return;
      const given = new AbortController();
      ends.set(key, () => given.abort());
      const hold = () =>
        new Promise<void>((resolve) => {
          ends.set(key, resolve);
          onMine();
        });
      navigator.locks
        .request(`${NAME}.${key}`, { signal: given.signal }, hold)
        .catch(() => undefined);
    },
    release(key) {
      ends.get(key)?.();
      ends.delete(key);
    },
  };
}

// Pages without TLS have no Web Locks: the tab that has a file answers those that ask for it.
function claims(): Locks {
  const tab = randomKey();
  const channel = new BroadcastChannel(`${NAME}.claims`);
  const held = new Set<string>();
  const claimed = new Map<string, () => void>();
  const timers = new Map<string, ReturnType<typeof setTimeout>>();
  channel.onmessage = (message) => {
    const { type, key, tab: other } = message.data as Claim;
    if (type === "held") {
      const ask = claimed.get(key);
      if (!ask) return;
      clearTimeout(timers.get(key));
      timers.set(key, setTimeout(ask, ASK_AGAIN_MS));
      return;
    }
    // Of two that ask at once, the lower name wins.
    if (held.has(key) || (claimed.has(key) && tab < other)) {
      channel.postMessage({ type: "held", key, tab } satisfies Claim);
    }
  };
  return {
    take(key, onMine) {
      if (held.has(key) || claimed.has(key)) return;
      const win = () => {
        claimed.delete(key);
        held.add(key);
        onMine();
      };
      const ask = () => {
        channel.postMessage({ type: "claim", key, tab } satisfies Claim);
        timers.set(key, setTimeout(win, ANSWER_MS));
      };
      claimed.set(key, ask);
      ask();
    },
    release(key) {
      clearTimeout(timers.get(key));
      claimed.delete(key);
      held.delete(key);
    },
  };
}
