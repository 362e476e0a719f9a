// Runs what the machine asks for, and tells it what came of it.

import { text } from "../text";
import type { Alarms } from "./backoff";
import { apiFault, networkFault, storeFault } from "./faults";
import { type Given, isReadable, misfit, openHandle } from "./files";
import { fingerprint } from "./fingerprint";
import type { Command, Fault, Item, ItemEvent } from "./item";
import { Meter, rangeOf } from "./plan";
import type { Put, startPut } from "./put";
import type * as requests from "./requests";

/** Files whose content is looked at at the same time. */
const CHECKS = 4;
/** URLs are not used in their last seconds. */
const MARGIN_MS = 10_000;

export interface Tools {
  requests: typeof requests;
  startPut: typeof startPut;
  alarms: Alarms;
  /** Speed over all files. */
  meter: Meter;
  find: (key: string) => Item | undefined;
  send: (key: string, event: ItemEvent) => void;
  onProgress: () => void;
  /** Gives a file to the tab that has the item. */
  passOn: (key: string, file: File) => void;
  readHandle: (key: string) => Promise<FileSystemFileHandle | null>;
  keepHandle: (key: string, handle: FileSystemFileHandle) => void;
}

interface RunningPut extends Put {
  bytes: number;
}

export class Runner {
  readonly #tools: Tools;
  readonly #files = new Map<string, Given>();
  readonly #puts = new Map<string, Map<number, RunningPut>>();
  readonly #meters = new Map<string, Meter>();
  readonly #expiries = new Map<string, number>();
  #checks = 0;
  readonly #toCheck: string[] = [];

  constructor(tools: Tools) {
    this.#tools = tools;
  }

  hold(key: string, given: Given): void {
    this.#files.set(key, given);
  }

  /** Forgets what it has of an item that is over. */
  forget(key: string): void {
    this.#stop(key);
    this.#files.delete(key);
    this.#expiries.delete(key);
    this.#meters.delete(key);
    this.#tools.alarms.clear(key);
  }

  speedOf(key: string, now: number): number | null {
    return this.#meters.get(key)?.speed(now) ?? null;
  }

  /** Bytes of parts that are on their way. */
  inFlight(key: string): number {
    let bytes = 0;
    for (const put of this.#puts.get(key)?.values() ?? []) bytes += put.bytes;
    return bytes;
  }

  run(command: Command): void {
    const { key } = command.type === "hand-over" ? { key: command.to } : command;
    switch (command.type) {
      case "check":
        this.#toCheck.push(key);
        void this.#checkNext();
        return;
      case "put":
        void this.#put(key, command.part, command.put);
        return;
      case "stop":
        this.#stop(key);
        return;
      case "wait":
        this.#tools.alarms.set(key, command.tries);
        return;
      case "open":
        void this.open(key, false);
        return;
      case "hand-over":
        this.#handOver(command.from, key);
        return;
      case "discard": {
        const upload = { videoId: command.videoId, uploadId: null, partSize: 0 };
        // The server removes abandoned uploads by itself after a while.
        this.#tools.requests.abortUpload(upload).catch(() => undefined);
        return;
      }
      default:
        void this.#ask(key, command);
    }
  }

  /** Gives an item its file again, after a look whether it is the same. */
  async give(key: string, given: Given): Promise<void> {
    const item = this.#tools.find(key);
    if (!item) return;
    if (item.stage === "elsewhere") {
      this.#tools.passOn(key, given.file);
      return;
    }
    const message = await misfit(item, given.file);
    if (message !== null) {
      this.#tools.send(key, { type: "misfit", message });
      return;
    }
    this.hold(key, given);
    if (given.handle) this.#tools.keepHandle(key, given.handle);
    this.#tools.send(key, { type: "file" });
  }

  /** Opens the file of an item by its handle. `mayAsk` after a click alone: browsers ask at no other time. */
  async open(key: string, mayAsk: boolean): Promise<void> {
    try {
      const handle = await this.#tools.readHandle(key);
      const file = handle && (await openHandle(handle, mayAsk));
      if (file) await this.give(key, { file });
    } catch {
      const name = this.#tools.find(key)?.name ?? "";
      this.#tools.send(key, { type: "misfit", message: text.upload.gone(name) });
    }
  }

  #handOver(from: string, to: string): void {
    const given = this.#files.get(from);
    this.#files.delete(from);
    if (given) void this.give(to, given);
  }

  async #checkNext(): Promise<void> {
    if (this.#checks >= CHECKS) return;
    const key = this.#toCheck.shift();
    if (key === undefined) return;
    this.#checks += 1;
    this.#tools.send(key, await this.#check(key));
    this.#checks -= 1;
    void this.#checkNext();
  }

  async #check(key: string): Promise<ItemEvent> {
    const file = this.#files.get(key)?.file;
    if (!file) return { type: "rejected", message: text.upload.unreadable };
    if (file.size === 0) return { type: "rejected", message: text.upload.empty };
    const most = await this.#tools.requests.maxBytes();
    if (most !== null && file.size > most) {
      return { type: "rejected", message: text.upload.tooLarge(file.size, most) };
    }
    try {
      // A folder fails here where there is no TLS, too.
      await file.slice(0, 1).arrayBuffer();
      const print = await fingerprint(file);
      const twin = print && (await this.#tools.requests.findTwin(print));
      return { type: "checked", fingerprint: print, twin: twin || null };
    } catch {
      return { type: "rejected", message: text.upload.unreadable };
    }
  }

  async #ask(
    key: string,
    command: Extract<
      Command,
      { type: "create" | "list" | "sign" | "complete" | "verify" | "abort" }
    >,
  ): Promise<void> {
    let event: ItemEvent;
    try {
      event = await this.#answer(key, command);
    } catch (reason) {
      event = { type: "refused", fault: apiFault(reason) };
    }
    this.#tools.send(key, event);
  }

  async #answer(
    key: string,
    command: Extract<
      Command,
      { type: "create" | "list" | "sign" | "complete" | "verify" | "abort" }
    >,
  ): Promise<ItemEvent> {
    const { requests } = this.#tools;
    const item = this.#tools.find(key);
    if (!item) throw new Error(`no item ${key}`);
    if (command.type === "create") {
      const { expiresAt, ...created } = await requests.createUpload(item);
      this.#expiries.set(key, expiresAt);
      return { type: "created", ...created };
    }
    const { upload } = item;
    if (!upload) throw new Error(`no upload of ${key}`);
    switch (command.type) {
      case "list":
        return { type: "listed", ...(await requests.listParts(item, upload)) };
      case "sign": {
        const { urls, expiresAt } = await requests.signParts(upload, command.numbers);
        this.#expiries.set(key, expiresAt);
        return { type: "signed", urls };
      }
      case "complete":
        await requests.completeUpload(item, upload);
        return { type: "completed" };
      case "verify":
        return { type: "verified", isThere: await requests.isUploaded(upload.videoId) };
      case "abort":
        await requests.abortUpload(upload);
        return { type: "aborted" };
    }
  }

  async #put(key: string, part: number, number: number): Promise<void> {
    const item = this.#tools.find(key);
    const file = this.#files.get(key)?.file;
    const fail = (fault: Fault) =>
      this.#tools.send(key, { type: "unsent", part, put: number, fault });
    const url = item?.urls[part];
    if (!item?.upload || !file || !url) return fail(unreadable(item));
    if ((this.#expiries.get(key) ?? Number.POSITIVE_INFINITY) < Date.now() + MARGIN_MS) {
      return fail(storeFault(403));
    }
    const [from, to] = rangeOf(part, item.upload.partSize, item.size);
    const isWhole = item.upload.uploadId === null;
    const puts = this.#puts.get(key) ?? new Map<number, RunningPut>();
    this.#puts.set(key, puts);
    const meter = this.#meters.get(key) ?? new Meter();
    this.#meters.set(key, meter);
    const put: RunningPut = {
      bytes: 0,
      ...this.#tools.startPut(url, file.slice(from, to), item.headers, (bytes) => {
        const now = Date.now();
        this.#tools.meter.add(bytes - put.bytes, now);
        meter.add(bytes - put.bytes, now);
        put.bytes = bytes;
        this.#tools.onProgress();
      }),
    };
    puts.set(number, put);
    const { status, etag } = await put.answer;
    puts.delete(number);
    if (status >= 200 && status < 300) {
      // Without it, the parts cannot be put together.
      if (etag === null && !isWhole) return fail({ kind: "final", message: text.upload.noEtag });
      return this.#tools.send(key, { type: "sent", part, put: number, etag: etag ?? "" });
    }
    // An earlier PUT of the whole file has arrived, and its answer was lost.
    if (status === 412 && isWhole) {
      return this.#tools.send(key, { type: "sent", part, put: number, etag: "" });
    }
    fail(status === 0 && !(await isReadable(file)) ? unreadable(item) : storeFault(status));
  }

  #stop(key: string): void {
    const puts = this.#puts.get(key);
    this.#puts.delete(key);
    for (const put of puts?.values() ?? []) put.abort();
  }
}

const unreadable = (item: Item | undefined): Fault =>
  item ? { kind: "unreadable", message: text.upload.changed(item.name) } : networkFault;
