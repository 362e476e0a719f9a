// A server, a store and a network for tests, which do what the real ones may do: lose requests and answers.

import type { Command, Fault, Item, ItemEvent } from "./item";
import { partCount } from "./item";

export type Luck = "ok" | "lost" | "unanswered" | Fault["kind"];

interface Video {
  videoId: string;
  uploadId: string | null;
  partSize: number;
  parts: Set<number>;
  isComplete: boolean;
  isDeleted: boolean;
}

const fault = (kind: Fault["kind"]): Fault => ({ kind, message: kind });
const isKind = (luck: Luck): luck is Fault["kind"] =>
  luck !== "ok" && luck !== "lost" && luck !== "unanswered";

export class World {
  readonly videos = new Map<string, Video>();
  /** Videos whose creation was never heard of: the server sweeps them. */
  readonly unheard = new Set<string>();
  readonly #byName = new Map<string, Video>();
  readonly acknowledged = new Set<string>();
  readonly errors: string[] = [];

  constructor(
    readonly partSize: number,
    /** Files up to this size are sent by one PUT. */
    readonly singleMax: number,
  ) {}

  /** Runs a command for an item, and returns what the machine hears of it. */
  run(command: Command, item: Item, luck: Luck): ItemEvent {
    if (isKind(luck)) return this.#refuse(command, fault(luck));
    if (luck === "lost") return this.#refuse(command, fault("network"));
    const event = this.#perform(command, item);
    if (luck === "ok") {
      if (event.type === "sent") this.acknowledged.add(`${item.upload?.videoId}/${event.part}`);
      return event;
    }
    // It was done, but nobody heard.
    if (event.type === "created") this.unheard.add(event.upload.videoId);
    return this.#refuse(command, fault("network"));
  }

  #refuse(command: Command, fault: Fault): ItemEvent {
    return command.type === "put"
      ? { type: "unsent", part: command.part, put: command.put, fault }
      : { type: "refused", fault };
  }

  #perform(command: Command, item: Item): ItemEvent {
    if (command.type === "create") return this.#create(item);
    const video = this.videos.get(item.upload?.videoId ?? "");
    if (!video || video.isDeleted) {
      if (command.type === "verify") return { type: "verified", isThere: false };
      if (command.type === "abort") return { type: "aborted" };
      return this.#refuse(command, fault("gone"));
    }
    switch (command.type) {
      case "list": {
        if (video.isComplete) return this.#refuse(command, fault("gone"));
        const etags = Object.fromEntries([...video.parts].map((part) => [part, `${part}`]));
        return { type: "listed", partSize: video.partSize, etags };
      }
      case "sign":
        return { type: "signed", urls: this.#urls(command.numbers) };
      case "complete":
        if (video.isComplete) return this.#refuse(command, fault("gone"));
        if (video.parts.size < partCount(item)) this.errors.push("completed without all parts");
        video.isComplete = true;
        return { type: "completed" };
      case "verify":
        return { type: "verified", isThere: video.isComplete };
      case "abort":
        video.isDeleted = true;
        return { type: "aborted" };
      case "put":
        return this.#put(command, video);
      default:
        throw new Error(`the world does no ${command.type}`);
    }
  }

  #create(item: Item): ItemEvent {
    const name = `${item.key}-${item.round}`;
    const isSingle = item.size <= this.singleMax;
    const known = this.#byName.get(name);
    const id = `v-${name}`;
    const video = known ?? {
      videoId: id,
      uploadId: isSingle ? null : `u-${name}`,
      partSize: isSingle ? item.size : this.partSize,
      parts: new Set<number>(),
      isComplete: false,
      isDeleted: false,
    };
    this.#byName.set(name, video);
    this.videos.set(id, video);
    this.unheard.delete(id);
    const { videoId, uploadId, partSize } = video;
    const upload = { videoId, uploadId, partSize };
    const numbers = Array.from({ length: partCount({ ...item, upload }) }, (_, n) => n + 1);
    return { type: "created", upload, urls: this.#urls(numbers), headers: {}, isNew: !known };
  }

  #urls = (numbers: number[]) => Object.fromEntries(numbers.map((number) => [number, "url"]));

  #put({ part, put }: Extract<Command, { type: "put" }>, video: Video): ItemEvent {
    const name = `${video.videoId}/${part}`;
    if (this.acknowledged.has(name)) this.errors.push(`${name} was sent twice`);
    video.parts.add(part);
    if (video.uploadId === null) video.isComplete = true;
    return { type: "sent", part, put, etag: `${part}` };
  }

  discard(videoId: string): void {
    const video = this.videos.get(videoId);
    if (video && !video.isComplete) video.isDeleted = true;
  }
}
