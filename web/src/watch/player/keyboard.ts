// The keys of the player, as on YouTube.

export type Action =
  | { kind: "toggle" }
  | { kind: "skip"; secs: number }
  | { kind: "seek"; share: number }
  | { kind: "volume"; by: number }
  | { kind: "rate"; by: 1 | -1 }
  | { kind: "frame"; by: 1 | -1 }
  | { kind: "mute" | "fullscreen" | "captions" | "pip" | "help" | "stats" };

/** A key press, and where the focus is. */
export interface Press {
  key: string;
  hasModifier: boolean;
  /** `field` takes text, `control` uses space and arrows itself, `player` is in the player, `page` is elsewhere. */
  focus: "field" | "control" | "player" | "page";
}

const LETTERS: Record<string, Action> = {
  k: { kind: "toggle" },
  j: { kind: "skip", secs: -10 },
  l: { kind: "skip", secs: 10 },
  f: { kind: "fullscreen" },
  m: { kind: "mute" },
  c: { kind: "captions" },
  p: { kind: "pip" },
  i: { kind: "stats" },
  "<": { kind: "rate", by: -1 },
  ">": { kind: "rate", by: 1 },
  ",": { kind: "frame", by: -1 },
  ".": { kind: "frame", by: 1 },
  "?": { kind: "help" },
};

const MOVES: Record<string, Action> = {
  " ": { kind: "toggle" },
  ArrowLeft: { kind: "skip", secs: -5 },
  ArrowRight: { kind: "skip", secs: 5 },
};

// On the page these scroll, so they are the player's only within it.
const SCROLLING: Record<string, Action> = {
  ArrowUp: { kind: "volume", by: 0.05 },
  ArrowDown: { kind: "volume", by: -0.05 },
  Home: { kind: "seek", share: 0 },
  End: { kind: "seek", share: 1 },
};

/** The action of a key press, or null if it is none of the player's. */
export function actionOf({ key, hasModifier, focus }: Press): Action | null {
  if (hasModifier || focus === "field") return null;
  if (/^\d$/.test(key)) return { kind: "seek", share: Number(key) / 10 };
  const letter = LETTERS[key.toLowerCase()];
  if (letter) return letter;
  if (focus === "control") return null;
  return MOVES[key] ?? (focus === "player" ? (SCROLLING[key] ?? null) : null);
}

const FIELDS =
  "input:not([type=range], [type=checkbox], [type=radio]), textarea, select, [contenteditable]";
const CONTROLS =
  "button, a[href], summary, input, [role=slider], [role=tab], [role^=menuitem], [role=option], [role=button]";

/** Where the focus is. A dialog or a menu has all keys for itself. */
export function focusOf(target: EventTarget | null, player: Element): Press["focus"] {
  if (!(target instanceof Element)) return "page";
  const isInside = player.contains(target);
  if (target.closest(FIELDS)) return "field";
  if (!isInside && target.closest("[role=dialog], [role=alertdialog], [role=menu]")) return "field";
  if (target.closest(CONTROLS)) return "control";
  return isInside ? "player" : "page";
}
