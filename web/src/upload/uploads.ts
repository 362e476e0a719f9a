// The queue of this tab: the machine, its effects, what is kept, and the other tabs. It lives as long as the page.

import { SIGNED_OUT } from "../api/client";
import { Alarms } from "./backoff";
import type { Given } from "./files";
import { randomKey } from "./fingerprint";
import { type Item, type ItemEvent, isOver, type Kept, kept, newItem, restored } from "./item";
import { type Channel, type Locks, openChannel, openLocks, type Told } from "./locks";
import { Meter, MOST_SLOTS, slotsFor } from "./plan";
import { startPut } from "./put";
import { emptyQueue, type Queue, type QueueEvent, reduce } from "./queue";
import * as requests from "./requests";
import { Runner } from "./runner";
import { Store } from "./store";

const TELL_MS = 500;
const SHOW_MS = 200;
/** Records of somebody who has not come back. Their URLs are long expired. */
const OLD_MS = 30 * 24 * 3_600_000;

export class Uploads {
  queue: Queue = emptyQueue(MOST_SLOTS);
  readonly meter = new Meter();
  /** When the files began to come that are sent now: those before count in no total. */
  batchAt = 0;
  #owner: string | null = null;
  #pending: QueueEvent[] = [];
  #isReducing = false;
  #version = 0;
  readonly #listeners = new Set<() => void>();
  readonly #handles = new Map<string, FileSystemFileHandle>();
  readonly #store = new Store();
  readonly #locks: Locks = openLocks();
  readonly #channel: Channel = openChannel((told) => this.#hear(told));
  readonly #alarms = new Alarms(
    (key) => this.send(key, { type: "woke" }),
    () => navigator.onLine,
  );
  readonly #runner = new Runner({
    requests,
    startPut,
    alarms: this.#alarms,
    meter: this.meter,
    find: (key) => this.find(key),
    send: (key, event) => this.send(key, event),
    onProgress: () => this.#changed(),
    passOn: (key, file) => this.#channel.tell({ type: "file", key, file }),
    readHandle: async (key) => this.#handles.get(key) ?? this.#store.handle(key),
    keepHandle: (key, handle) => this.#keepHandle(key, handle),
  });
  #tellTimer: ReturnType<typeof setTimeout> | undefined;
  #shownAt = 0;
  #showTimer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    addEventListener("online", () => this.#dispatch({ type: "all", event: { type: "online" } }));
    addEventListener("offline", () => this.#dispatch({ type: "all", event: { type: "offline" } }));
    addEventListener(SIGNED_OUT, () =>
      this.#dispatch({ type: "all", event: { type: "signed-out" } }),
    );
  }

  /** Begins or goes on for somebody who has signed in. Another one sees nothing of the files before. */
  async start(owner: string): Promise<void> {
    if (this.#owner === owner) {
      this.#dispatch({ type: "all", event: { type: "signed-in" } });
      return;
    }
    this.#leave();
    this.#owner = owner;
    const records = await this.#store.all().catch(() => []);
    for (const { key, addedAt } of records) {
      if (Date.now() - addedAt > OLD_MS) void this.#store.remove(key);
    }
    if (this.#owner !== owner) return;
    this.#watch(records.filter((record) => record.owner === owner));
    this.#channel.tell({ type: "hello" });
  }

  // Stops all and shows nothing; the records stay for their owner.
  #leave(): void {
    for (const { key } of this.queue.items) {
      this.#runner.forget(key);
      this.#locks.release(key);
    }
    this.#handles.clear();
    this.queue = emptyQueue(this.queue.slots);
    this.#changed();
  }

  add(given: Given[]): void {
    if (this.#owner === null) return;
    const owner = this.#owner;
    const now = Date.now();
    if (this.queue.items.every(({ stage }) => isOver(stage))) this.batchAt = now;
    const items = given.map(({ file, handle, folder }, index) => {
      const { name, size, type, lastModified: modified } = file;
      const facts = {
        name,
        size,
        type,
        modified,
        folder: folder ?? "",
        addedAt: now + index / 1000,
      };
      const item = newItem({ key: randomKey(), owner, ...facts }, handle !== undefined);
      this.#runner.hold(item.key, { file, handle });
      // Nobody else knows its key.
      this.#locks.take(item.key, () => undefined);
      return item;
    });
    this.#dispatch({ type: "add", items });
    items.forEach((item, index) => {
      const handle = given[index]?.handle;
      if (handle) this.#keepHandle(item.key, handle);
    });
  }

  give = (key: string, given: Given) => this.#runner.give(key, given);

  /** After a click: the browser may ask. */
  allow = (key: string) => this.#runner.open(key, true);

  /** A wish of the user. It goes to the tab that has the file. */
  wish(key: string, event: ItemEvent): void {
    if (this.find(key)?.stage === "elsewhere") this.#channel.tell({ type: "wish", key, event });
    else this.send(key, event);
  }

  dismiss = (key: string) => this.#dispatch({ type: "dismiss", key });

  find = (key: string): Item | undefined => this.queue.items.find((item) => item.key === key);

  send(key: string, event: ItemEvent): void {
    this.#dispatch({ type: "item", key, event });
  }

  /** Bytes of an item that are sent, with those under way. */
  sentBytes(item: Item): number {
    if (item.stage === "elsewhere") return item.shown?.stored ?? 0;
    return Math.min(item.size, item.stored + this.#runner.inFlight(item.key));
  }

  /** Bytes per second, or `null` if they are not known. */
  speedOf = (key: string): number | null => this.#runner.speedOf(key, Date.now());

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  version = () => this.#version;

  #dispatch(event: QueueEvent): void {
    this.#pending.push(event);
    // Effects may answer at once.
    if (this.#isReducing) return;
    this.#isReducing = true;
    try {
      for (let next = this.#pending.shift(); next; next = this.#pending.shift()) {
        const before = this.queue;
        const { queue, commands } = reduce(before, next);
        this.queue = queue;
        for (const command of commands) this.#runner.run(command);
        this.#keep(before, queue);
      }
    } finally {
      this.#isReducing = false;
    }
    this.#changed(true);
  }

  #keep(before: Queue, after: Queue): void {
    if (before.items === after.items) return;
    const old = new Map(before.items.map((item) => [item.key, item]));
    for (const item of after.items) {
      const was = old.get(item.key);
      old.delete(item.key);
      if (was === item) continue;
      if (item.stage === "done") this.#end(item.key);
      else if (item.stage !== "elsewhere") this.#save(item, was);
    }
    // They are off the list.
    for (const key of old.keys()) this.#end(key);
  }

  #save(item: Item, was: Item | undefined): void {
    const record = kept(item);
    if (was && JSON.stringify(kept(was)) === JSON.stringify(record)) return;
    // Without IndexedDB (private windows of some browsers), an upload lasts as long as its page.
    this.#store.put(record).catch(() => undefined);
  }

  #end(key: string): void {
    this.#tellNow();
    this.#runner.forget(key);
    this.#handles.delete(key);
    const free = () => this.#locks.release(key);
    this.#store.remove(key).then(free, free);
  }

  #keepHandle(key: string, handle: FileSystemFileHandle): void {
    this.#handles.set(key, handle);
    this.#store.putHandle(key, handle).catch(() => undefined);
  }

  // Shows records of other tabs, and takes each over as soon as no other tab has it.
  #watch(records: Kept[]): void {
    const unknown = records.filter(({ key }) => !this.find(key));
    const items = unknown.map((record): Item => {
      const { stage, message, stored, upload } = record;
      const shown = { stage, message, stored, upload };
      return { ...restored({ ...record, stage: "elsewhere" }), shown };
    });
    if (items.length === 0) return;
    this.#dispatch({ type: "add", items });
    for (const { key } of items) this.#locks.take(key, () => void this.#takeOver(key));
  }

  async #takeOver(key: string): Promise<void> {
    const [kept, handle] = await Promise.all([
      this.#store.get(key).catch(() => null),
      this.#store.handle(key).catch(() => null),
    ]);
    if (handle) this.#handles.set(key, handle);
    this.send(key, { type: "mine", kept, hasHandle: handle !== null });
  }

  #hear(told: Told): void {
    switch (told.type) {
      case "hello":
        this.#tellNow();
        return;
      case "shown": {
        const own = told.items.filter(({ item }) => item.owner === this.#owner);
        for (const { item, shown } of own) this.send(item.key, { type: "elsewhere", shown });
        this.#watch(own.filter(({ shown }) => !isOver(shown.stage)).map(({ item }) => item));
        return;
      }
      case "wish":
        if (this.find(told.key)?.stage !== "elsewhere") this.send(told.key, told.event);
        return;
      case "file":
        if (this.find(told.key)?.stage !== "elsewhere")
          void this.give(told.key, { file: told.file });
        return;
    }
  }

  // Progress and steps of many files come often.
  #changed(isStep = false): void {
    this.#tellTimer ??= setTimeout(() => this.#tellNow(), TELL_MS);
    if (isStep && Date.now() - this.#shownAt > SHOW_MS) {
      this.#show();
    } else {
      this.#showTimer ??= setTimeout(() => this.#show(), SHOW_MS);
    }
  }

  #show(): void {
    clearTimeout(this.#showTimer);
    this.#showTimer = undefined;
    this.#shownAt = Date.now();
    this.#version += 1;
    for (const listener of this.#listeners) listener();
    this.#adapt();
  }

  #adapt(): void {
    const partSize = Math.max(
      0,
      ...this.queue.items
        .filter(({ stage }) => stage === "sending")
        .map(({ upload }) => upload?.partSize ?? 0),
    );
    const slots = slotsFor(this.meter.speed(Date.now()), partSize);
    if (slots !== this.queue.slots && !this.#isReducing) this.#dispatch({ type: "slots", slots });
  }

  #tellNow(): void {
    clearTimeout(this.#tellTimer);
    this.#tellTimer = undefined;
    const own = this.queue.items.filter(({ stage }) => stage !== "elsewhere");
    if (own.length === 0) return;
    const items = own.map((item) => {
      const { urls: _urls, headers: _headers, etags: _etags, inFlight: _inFlight, ...rest } = item;
      const { stage, message, upload } = item;
      return { item: rest, shown: { stage, message, upload, stored: this.sentBytes(item) } };
    });
    this.#channel.tell({ type: "shown", items });
  }
}
