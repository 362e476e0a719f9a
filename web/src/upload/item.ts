// A file in the queue: its data, what may happen to it, and what the machine asks the runner to do.

export type StageName =
  | "checking"
  | "duplicate"
  | "waiting"
  | "creating"
  | "sending"
  | "completing"
  | "paused"
  | "offline"
  | "signed-out"
  | "needs-file"
  | "elsewhere"
  | "done"
  | "failed"
  | "cancelled";

export const STAGES: readonly StageName[] = [
  "checking",
  "duplicate",
  "waiting",
  "creating",
  "sending",
  "completing",
  "paused",
  "offline",
  "signed-out",
  "needs-file",
  "elsewhere",
  "done",
  "failed",
  "cancelled",
];

/** Stages that nothing follows by itself or by the user. */
export const isOver = (stage: StageName) => stage === "done" || stage === "cancelled";

/** The same file, known already: in this queue or on the server. */
export interface Twin {
  key?: string;
  videoId?: string;
  name: string;
}

/** Where the bytes go. A file that is sent by one PUT is an upload of one part without `uploadId`. */
export interface Upload {
  videoId: string;
  uploadId: string | null;
  partSize: number;
}

/** What a failed request means. */
export interface Fault {
  kind:
    | "network" // No answer: goes on once there is one.
    | "server" // A passing fault of the server or the store.
    | "expired" // The URL is no longer valid.
    | "gone" // The upload is not there any more, or complete.
    | "signed-out"
    | "unreadable" // The file has changed or is gone.
    | "final";
  message: string;
}

export type Asked = "create" | "list" | "sign" | "complete" | "verify" | "abort";

/** The part that survives a reload. */
export interface Kept {
  key: string;
  owner: string;
  name: string;
  /** Folder that it was dropped with, or "". */
  folder: string;
  size: number;
  modified: number;
  type: string;
  addedAt: number;
  fingerprint: string | null;
  stage: StageName;
  /** Explains `failed`, `offline` and `needs-file`. */
  message: string;
  /** Times that an upload was begun, because the one before was lost. Names the request that creates it. */
  round: number;
  upload: Upload | null;
  /** Whether the store knows of it, as far as this page does: bytes that are there. */
  stored: number;
}

/** The part that tabs tell each other. */
export type Shown = Pick<Kept, "stage" | "message" | "stored" | "upload">;

export interface Item extends Kept {
  hasFile: boolean;
  hasHandle: boolean;
  twin: Twin | null;
  /** URLs and entity tags by number of the part. */
  urls: Readonly<Record<number, string>>;
  headers: Readonly<Record<string, string>>;
  etags: Readonly<Record<number, string>>;
  /** Whether `etags` are all that the store has. */
  isListed: boolean;
  /** Parts that are being sent, with the number of the PUT. */
  inFlight: Readonly<Record<number, number>>;
  puts: number;
  /** Number of PUTs when the URLs were signed: a refusal of an earlier one says nothing of them. */
  signedAt: number;
  /** The request to the API that is not answered yet. */
  asked: Asked | null;
  /** What the tab shows that has it. */
  shown: Shown | null;
  /** Failures in a row. */
  tries: number;
  /** URLs that the store refused in a row. */
  refusals: number;
}

export type ItemEvent =
  | { type: "checked"; fingerprint: string | null; twin: Twin | null }
  | { type: "rejected"; message: string }
  | { type: "allow" }
  /** Up to so many requests may begin now. */
  | { type: "go"; grant: number }
  | {
      type: "created";
      upload: Upload;
      urls: Record<number, string>;
      headers: Record<string, string>;
      /** Whether the answer is not that of an earlier request. Then the store has no part yet. */
      isNew: boolean;
    }
  | { type: "listed"; partSize: number; etags: Record<number, string> }
  | { type: "signed"; urls: Record<number, string> }
  | { type: "sent"; part: number; put: number; etag: string }
  | { type: "unsent"; part: number; put: number; fault: Fault }
  | { type: "refused"; fault: Fault }
  | { type: "completed" }
  /** Whether the server has the whole file. */
  | { type: "verified"; isThere: boolean }
  | { type: "aborted" }
  | { type: "pause" }
  | { type: "resume" }
  | { type: "retry" }
  | { type: "cancel" }
  | { type: "offline" }
  | { type: "online" }
  /** The time to wait is over. */
  | { type: "woke" }
  | { type: "signed-out" }
  | { type: "signed-in" }
  | { type: "file" }
  | { type: "misfit"; message: string }
  /** Another tab has it, with this to show. */
  | { type: "elsewhere"; shown: Shown | null }
  /** This tab has it from now on. `kept` is its newest record, or null if it is over. */
  | { type: "mine"; kept: Kept | null; hasHandle: boolean };

export type Command =
  | { type: "create"; key: string }
  | { type: "list"; key: string }
  | { type: "sign"; key: string; numbers: number[] }
  | { type: "complete"; key: string }
  | { type: "verify"; key: string }
  | { type: "abort"; key: string }
  | { type: "put"; key: string; part: number; put: number }
  /** Breaks the PUTs of this file off. */
  | { type: "stop"; key: string }
  | { type: "wait"; key: string; tries: number }
  /** Removes a video whose upload was begun anew. */
  | { type: "discard"; key: string; videoId: string }
  /** Gives the file of one item to another. */
  | { type: "hand-over"; from: string; to: string }
  | { type: "check"; key: string }
  /** Opens the file by its handle, if that needs no question. */
  | { type: "open"; key: string };

export interface Step {
  item: Item;
  commands: Command[];
}

export function newItem(
  kept: Pick<Kept, "key" | "owner" | "name" | "folder" | "size" | "modified" | "type" | "addedAt">,
  hasHandle: boolean,
): Item {
  return restored(
    {
      ...kept,
      fingerprint: null,
      stage: "checking",
      message: "",
      round: 0,
      upload: null,
      stored: 0,
    },
    { hasFile: true, hasHandle },
  );
}

/** An item without anything that a reload takes away. */
export function restored(kept: Kept, { hasFile = false, hasHandle = false } = {}): Item {
  return {
    ...kept,
    hasFile,
    hasHandle,
    twin: null,
    urls: {},
    headers: {},
    etags: {},
    isListed: false,
    inFlight: {},
    puts: 0,
    signedAt: 0,
    asked: null,
    shown: null,
    tries: 0,
    refusals: 0,
  };
}

export function kept(item: Item): Kept {
  const { key, owner, name, folder, size, modified, type, addedAt } = item;
  const { fingerprint, stage, message, round, upload, stored } = item;
  return {
    ...{ key, owner, name, folder, size, modified, type, addedAt },
    ...{ fingerprint, stage, message, round, upload, stored },
  };
}

export const partCount = (item: Item) =>
  item.upload ? Math.max(1, Math.ceil(item.size / item.upload.partSize)) : 0;

/** Size of a part in bytes. */
export function partBytes(item: Item, part: number): number {
  const size = item.upload?.partSize ?? item.size;
  return Math.max(0, Math.min(size, item.size - (part - 1) * size));
}

export function storedBytes(item: Item): number {
  if (!item.upload) return 0;
  // All parts but the last have the same size.
  let bytes = 0;
  for (const part of Object.keys(item.etags)) bytes += partBytes(item, Number(part));
  return bytes;
}
