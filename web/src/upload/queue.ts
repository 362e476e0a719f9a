// The machine of the whole queue: hands events to items, finds twins, and shares the parallel requests out.

import type { Command, Item, ItemEvent, Kept, Step } from "./item";
import { step } from "./machine";
import { isAsking, missingParts } from "./moves";

export interface Queue {
  items: readonly Item[];
  /** Requests that may run at a time, over all files. */
  slots: number;
}

export type QueueEvent =
  | { type: "add"; items: Item[] }
  | { type: "item"; key: string; event: ItemEvent }
  | { type: "all"; event: ItemEvent }
  | { type: "slots"; slots: number }
  /** Takes a file off the list that is done. */
  | { type: "dismiss"; key: string };

export interface QueueStep {
  queue: Queue;
  commands: Command[];
}

export const emptyQueue = (slots: number): Queue => ({ items: [], slots });

export function reduce(queue: Queue, event: QueueEvent): QueueStep {
  const commands: Command[] = [];
  const apply = (item: Item, event: ItemEvent): Item => {
    const next = step(item, event);
    commands.push(...next.commands);
    return next.item;
  };
  let { items, slots } = queue;
  switch (event.type) {
    case "add": {
      const known = new Set(items.map(({ key }) => key));
      const added = event.items.filter(({ key }) => !known.has(key));
      items = [...items, ...added];
      for (const { key, stage } of added) {
        if (stage === "checking") commands.push({ type: "check", key });
      }
      break;
    }
    case "item":
      items = change(items, event.key, (item) => {
        if (event.event.type === "checked") return checked(items, item, event.event, commands);
        return apply(item, event.event);
      });
      break;
    case "all":
      items = items.map((item) => apply(item, event.event));
      break;
    case "slots":
      slots = event.slots;
      break;
    case "dismiss":
      items = items.filter(({ key, stage }) => key !== event.key || stage !== "done");
      break;
  }
  items = share(items, slots, commands);
  // Nothing is left of them, here and on the server.
  const left = items.filter((item) => !(item.stage === "cancelled" && !item.asked && !item.upload));
  return { queue: { items: left.length < items.length ? left : items, slots }, commands };
}

function change(items: readonly Item[], key: string, next: (item: Item) => Item): readonly Item[] {
  const index = items.findIndex((item) => item.key === key);
  const item = items[index];
  if (!item) return items;
  const changed = next(item);
  return changed === item ? items : items.map((item, at) => (at === index ? changed : item));
}

type Checked = Extract<ItemEvent, { type: "checked" }>;

function checked(items: readonly Item[], item: Item, event: Checked, commands: Command[]): Item {
  const found: Item = { ...item, fingerprint: event.fingerprint };
  const twin = items.find((other) => other.key !== item.key && isTwin(found, other));
  let result: Step;
  if (twin && item.stage === "checking" && lacksFile(twin, found)) {
    // Its file has come back.
    commands.push({ type: "hand-over", from: item.key, to: twin.key });
    result = step(found, { type: "cancel" });
  } else if (twin) {
    const { key, name } = twin;
    const videoId = (twin.upload ?? twin.shown?.upload)?.videoId;
    result = step(item, { ...event, twin: { key, name, ...(videoId ? { videoId } : {}) } });
  } else {
    result = step(item, event);
  }
  commands.push(...result.commands);
  return result.item;
}

const NO_TWIN = ["checking", "duplicate", "failed", "cancelled"];

function isTwin(item: Item, other: Item): boolean {
  return !NO_TWIN.includes(other.stage) && isSameFile(item, other);
}

export type FileFacts = Pick<Kept, "name" | "size" | "modified" | "fingerprint">;

/** Whether two files are the same, by content as far as that is known. */
export function isSameFile(one: FileFacts, other: FileFacts): boolean {
  if (one.size !== other.size) return false;
  if (one.fingerprint !== null && other.fingerprint !== null) {
    return one.fingerprint === other.fingerprint;
  }
  return one.name === other.name && one.modified === other.modified;
}

/** Whether the parts that are stored may belong to another version of the file. */
export const isOtherVersion = (given: FileFacts, item: Kept) =>
  item.stored > 0 && given.modified !== item.modified;

function lacksFile(twin: Item, given: Item): boolean {
  const stage = twin.stage === "elsewhere" ? twin.shown?.stage : twin.stage;
  if (stage !== "needs-file") return false;
  return !isOtherVersion(given, { ...twin, stored: twin.shown?.stored ?? twin.stored });
}

const requests = (item: Item) => Object.keys(item.inFlight).length + (item.asked ? 1 : 0);

function share(items: readonly Item[], slots: number, commands: Command[]): readonly Item[] {
  let free = items.reduce((free, item) => free - requests(item), slots);
  let shared: Item[] | null = null;
  for (let index = 0; index < items.length && free > 0; index++) {
    const item = items[index];
    if (!item || (item.stage !== "waiting" && item.stage !== "sending") || item.asked) continue;
    const grant = isAsking(item) ? 1 : Math.min(free, missingParts(item, free).length);
    if (grant === 0) continue;
    const next = step(item, { type: "go", grant });
    if (next.item === item) continue;
    free -= requests(next.item) - requests(item);
    commands.push(...next.commands);
    shared ??= [...items];
    shared[index] = next.item;
  }
  return shared ?? items;
}
