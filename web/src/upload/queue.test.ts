import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Command, type Item, type ItemEvent, kept, newItem, restored } from "./item";
import { emptyQueue, type Queue, type QueueEvent, reduce } from "./queue";
import { type Luck, World } from "./world";

const PART = 10;
const SINGLE_MAX = 15;
const SLOTS = 4;

function file(key: string, size: number): Item {
  const facts = { name: `${key}.mp4`, folder: "", size, modified: 1, type: "", addedAt: 0 };
  return newItem({ key, owner: "", ...facts }, false);
}

/** The queue with its world: what it has asked for, and what came of it. */
class Play {
  queue: Queue = emptyQueue(SLOTS);
  pending: Command[] = [];
  done = new Set<string>();
  puts = 0;
  readonly world = new World(PART, SINGLE_MAX);

  dispatch(event: QueueEvent): void {
    const step = reduce(this.queue, event);
    this.queue = step.queue;
    for (const command of step.commands) this.#take(command);
    this.#look();
  }

  #take(command: Command): void {
    if (command.type === "stop") {
      const { key } = command;
      this.pending = this.pending.filter((other) => other.type !== "put" || other.key !== key);
      return;
    }
    if (command.type === "discard") {
      this.world.discard(command.videoId);
      return;
    }
    // Time and the user are events of their own.
    if (command.type === "wait" || command.type === "open") return;
    if (command.type === "put") {
      const same = this.pending.some(
        (other) => other.type === "put" && other.key === command.key && other.part === command.part,
      );
      expect(same, "a part is sent twice at a time").toBe(false);
    }
    this.pending.push(command);
  }

  #look(): void {
    const { items, slots } = this.queue;
    const puts = items.reduce((sum, item) => sum + Object.keys(item.inFlight).length, 0);
    // Those that run when the slots become fewer come to their end.
    expect(puts).toBeLessThanOrEqual(Math.max(slots, this.puts));
    this.puts = puts;
    expect(this.world.errors).toEqual([]);
    for (const item of items) {
      if (item.stage !== "done" || this.done.has(item.key)) continue;
      this.done.add(item.key);
      const whole = this.#videosOf(item.key).filter((video) => video.isComplete);
      expect(whole.map(({ videoId }) => videoId)).toContain(item.upload?.videoId);
    }
  }

  #videosOf = (key: string) =>
    [...this.world.videos.values()].filter((video) => video.videoId.startsWith(`v-${key}-`));

  answer(index: number, luck: Luck): void {
    const [command] = this.pending.splice(index % Math.max(1, this.pending.length), 1);
    if (!command || command.type === "hand-over" || !("key" in command)) return;
    const item = this.queue.items.find(({ key }) => key === command.key);
    if (!item) return;
    const event: ItemEvent =
      command.type === "check"
        ? { type: "checked", fingerprint: item.key, twin: null }
        : this.world.run(command, item, luck);
    this.dispatch({ type: "item", key: item.key, event });
  }

  /** The tab is gone, and the next one finds the records. Requests may have come through. */
  reload(luck: Luck): void {
    for (const command of this.pending) {
      const item = "key" in command && this.queue.items.find(({ key }) => key === command.key);
      if (item && command.type !== "check" && luck === "ok")
        this.world.run(command, item, "unanswered");
    }
    const records = this.queue.items.filter(({ stage }) => stage !== "done").map(kept);
    this.pending = [];
    this.queue = emptyQueue(SLOTS);
    this.dispatch({
      type: "add",
      items: records.map((record) => restored({ ...record, stage: "elsewhere" })),
    });
    for (const kept of records) {
      const event: ItemEvent = { type: "mine", kept, hasHandle: false };
      this.dispatch({ type: "item", key: kept.key, event });
    }
  }

  /** All goes well from now on, and the user wants every file to arrive. */
  end(): void {
    for (let round = 0; round < 500; round++) {
      const stages = this.queue.items.map(({ stage }) => stage);
      if (stages.every((stage) => stage === "done")) return;
      for (const type of ["online", "signed-in", "woke"] as const) {
        this.dispatch({ type: "all", event: { type } });
      }
      for (const type of ["resume", "retry", "file", "allow"] as const) {
        this.dispatch({ type: "all", event: { type } });
      }
      for (let left = this.pending.length; left > 0; left--) this.answer(0, "ok");
    }
    throw new Error(`no end: ${JSON.stringify(this.queue.items)}`);
  }
}

const luck = fc.constantFrom<Luck>(
  ...(["ok", "ok", "ok", "ok", "lost", "unanswered", "network", "server"] as const),
  ...(["expired", "gone", "signed-out", "unreadable", "final"] as const),
);
const wish = fc.constantFrom<ItemEvent>(
  ...(["pause", "resume", "retry", "cancel", "allow", "file"] as const).map((type) => ({ type })),
);
const news = fc.constantFrom<ItemEvent>(
  ...(["offline", "online", "woke", "signed-out", "signed-in"] as const).map((type) => ({ type })),
);
const deed = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({ type: fc.constant("answer" as const), at: fc.nat(20), luck }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("wish" as const), at: fc.nat(3), wish }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("news" as const), news }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("reload" as const), luck }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("slots" as const),
      slots: fc.integer({ min: 1, max: 6 }),
    }),
  },
);
const sizes = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 4 });

test("whatever happens, no part is lost or sent twice, and all ends once the network is good", () => {
  fc.assert(
    fc.property(sizes, fc.array(deed, { maxLength: 80 }), (sizes, deeds) => {
      const play = new Play();
      play.dispatch({ type: "add", items: sizes.map((size, n) => file(`f${n}`, size)) });
      const wanted = new Set(sizes.map((_, n) => `f${n}`));
      for (const deed of deeds) {
        switch (deed.type) {
          case "answer":
            play.answer(deed.at, deed.luck);
            break;
          case "wish": {
            const item = play.queue.items[deed.at % Math.max(1, play.queue.items.length)];
            if (!item) break;
            if (deed.wish.type === "cancel" && item.stage !== "done") wanted.delete(item.key);
            play.dispatch({ type: "item", key: item.key, event: deed.wish });
            break;
          }
          case "news":
            play.dispatch({ type: "all", event: deed.news });
            break;
          case "slots":
            play.dispatch({ type: "slots", slots: deed.slots });
            break;
          case "reload":
            play.reload(deed.luck);
            break;
        }
      }
      play.end();
      expect([...play.done].sort()).toEqual([...wanted].sort());
      // One video for each file; none of those that were cancelled.
      const left = [...play.world.videos.values()].filter(
        ({ isDeleted, videoId }) => !isDeleted && !play.world.unheard.has(videoId),
      );
      for (const key of wanted) {
        const own = left.filter(({ videoId }) => videoId.startsWith(`v-${key}-`));
        expect(own.filter(({ isComplete }) => isComplete)).toHaveLength(1);
      }
    }),
    { numRuns: 500 },
  );
}, 60_000);

describe("twins", () => {
  const check = (play: Play, key: string, fingerprint: string | null) =>
    play.dispatch({ type: "item", key, event: { type: "checked", fingerprint, twin: null } });
  const stage = (play: Play, key: string) =>
    play.queue.items.find((item) => item.key === key)?.stage;

  test("the same content is a duplicate, another one is not", () => {
    const play = new Play();
    play.dispatch({ type: "add", items: [file("a", 20), file("b", 20), file("c", 20)] });
    check(play, "b", "same");
    check(play, "a", "same");
    check(play, "c", "other");
    expect([stage(play, "a"), stage(play, "b"), stage(play, "c")]).toEqual([
      "duplicate",
      "creating",
      "creating",
    ]);
  });

  test("without fingerprints, name, size and date tell files apart", () => {
    const play = new Play();
    const twin = { ...file("b", 20), name: "a.mp4" };
    const later = { ...file("c", 20), name: "a.mp4", modified: 2 };
    play.dispatch({ type: "add", items: [file("a", 20), twin, later] });
    for (const key of ["a", "b", "c"]) check(play, key, null);
    expect([stage(play, "b"), stage(play, "c")]).toEqual(["duplicate", "creating"]);
  });

  test("a file that is waited for goes to its upload, another version of it does not", () => {
    const play = new Play();
    const upload = { videoId: "v", uploadId: "u", partSize: PART };
    const waiting: Item = {
      ...file("a", 20),
      ...{ stage: "needs-file", hasFile: false, fingerprint: "f", upload, stored: 10 },
    };
    const changed = { ...file("c", 20), modified: 9 };
    play.dispatch({ type: "add", items: [waiting, file("b", 20), changed] });
    check(play, "c", "f");
    expect(stage(play, "c")).toBe("duplicate");
    check(play, "b", "f");
    expect(stage(play, "b")).toBeUndefined();
    expect(play.pending).toContainEqual({ type: "hand-over", from: "b", to: "a" });
  });
});

test("four requests run at a time over all files, in their order", () => {
  const play = new Play();
  play.dispatch({ type: "add", items: [file("a", 30), file("b", 30), file("c", 5)] });
  for (let n = 0; n < 3; n++) play.answer(0, "ok");
  for (let n = 0; n < 3; n++) play.answer(0, "ok");
  const puts = play.pending.map((command) =>
    command.type === "put" ? `${command.key}${command.part}` : command.type,
  );
  expect(puts).toEqual(["a1", "a2", "a3", "b1"]);
});
