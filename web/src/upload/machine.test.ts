import { describe, expect, test } from "vitest";
import {
  type Asked,
  type Item,
  type ItemEvent,
  kept,
  newItem,
  restored,
  STAGES,
  type StageName,
} from "./item";
import { step } from "./machine";

const MIB = 1 << 20;
const fault = (
  kind: "network" | "server" | "expired" | "gone" | "signed-out" | "unreadable" | "final",
) => ({
  kind,
  message: kind,
});

const fresh = newItem(
  {
    key: "k",
    owner: "",
    name: "a.mp4",
    folder: "",
    size: 10 * MIB,
    modified: 1,
    type: "",
    addedAt: 1,
  },
  false,
);
// Two parts: the first is in flight, the second is not begun.
const uploading: Item = {
  ...fresh,
  fingerprint: "f",
  upload: { videoId: "v", uploadId: "u", partSize: 5 * MIB },
  urls: { 1: "one", 2: "two" },
  isListed: true,
};
const flying: Item = { ...uploading, stage: "sending", inFlight: { 1: 1 }, puts: 1 };
const both = { 1: "e1", 2: "e2" };

const at: Record<StageName, Item> = {
  checking: fresh,
  duplicate: { ...fresh, stage: "duplicate", twin: { key: "t", name: "t" } },
  waiting: { ...uploading, stage: "waiting" },
  creating: { ...fresh, stage: "creating", asked: "create" },
  sending: flying,
  completing: { ...uploading, stage: "completing", etags: both, asked: "complete" },
  paused: { ...uploading, stage: "paused" },
  offline: { ...flying, stage: "offline" },
  "signed-out": { ...flying, stage: "signed-out" },
  "needs-file": { ...uploading, stage: "needs-file", hasFile: false },
  elsewhere: { ...restored(kept(uploading)), stage: "elsewhere" },
  done: { ...uploading, stage: "done" },
  failed: { ...uploading, stage: "failed" },
  cancelled: { ...uploading, stage: "cancelled", asked: "abort" },
};

const created: ItemEvent = {
  type: "created",
  upload: { videoId: "v", uploadId: "u", partSize: 5 * MIB },
  urls: { 1: "one", 2: "two" },
  headers: {},
  isNew: true,
};

const events: Record<string, ItemEvent> = {
  checked: { type: "checked", fingerprint: "f", twin: null },
  twin: { type: "checked", fingerprint: "f", twin: { videoId: "w", name: "w" } },
  rejected: { type: "rejected", message: "empty" },
  allow: { type: "allow" },
  go: { type: "go", grant: 1 },
  created,
  listed: { type: "listed", partSize: 5 * MIB, etags: { 1: "e1" } },
  whole: { type: "listed", partSize: 5 * MIB, etags: both },
  signed: { type: "signed", urls: { 1: "new" } },
  sent: { type: "sent", part: 1, put: 1, etag: "e1" },
  stale: { type: "sent", part: 1, put: 7, etag: "e1" },
  cut: { type: "unsent", part: 1, put: 1, fault: fault("network") },
  expired: { type: "unsent", part: 1, put: 1, fault: fault("expired") },
  lost: { type: "unsent", part: 1, put: 1, fault: fault("gone") },
  changed: { type: "unsent", part: 1, put: 1, fault: fault("unreadable") },
  broken: { type: "unsent", part: 1, put: 1, fault: fault("final") },
  unanswered: { type: "refused", fault: fault("network") },
  busy: { type: "refused", fault: fault("server") },
  stranger: { type: "refused", fault: fault("signed-out") },
  refused: { type: "refused", fault: fault("final") },
  completed: { type: "completed" },
  there: { type: "verified", isThere: true },
  absent: { type: "verified", isThere: false },
  aborted: { type: "aborted" },
  pause: { type: "pause" },
  resume: { type: "resume" },
  retry: { type: "retry" },
  cancel: { type: "cancel" },
  offline: { type: "offline" },
  online: { type: "online" },
  woke: { type: "woke" },
  "signed-out": { type: "signed-out" },
  "signed-in": { type: "signed-in" },
  file: { type: "file" },
  misfit: { type: "misfit", message: "other" },
  elsewhere: {
    type: "elsewhere",
    shown: { stage: "done", message: "", stored: 1, upload: null },
  },
  mine: { type: "mine", kept: kept({ ...uploading, stage: "sending" }), hasHandle: false },
  over: { type: "mine", kept: null, hasHandle: false },
};

const ANSWERS: Record<string, Asked> = {
  created: "create",
  listed: "list",
  whole: "list",
  signed: "sign",
  unanswered: "sign",
  busy: "sign",
  stranger: "sign",
  refused: "sign",
  completed: "complete",
  there: "verify",
  absent: "verify",
  aborted: "abort",
};

// An answer comes to the request that was asked.
function before(stage: StageName, name: string): Item {
  const asked = ANSWERS[name];
  return asked ? { ...at[stage], asked } : at[stage];
}

// The next stage and the commands for each event that changes something at a stage. All others change neither.
const table: Record<StageName, Record<string, string>> = {
  checking: {
    checked: "waiting",
    twin: "duplicate",
    rejected: "failed",
    completed: "done",
    there: "done",
    cancel: "cancelled",
  },
  duplicate: {
    allow: "waiting",
    completed: "done",
    there: "done",
    cancel: "cancelled",
  },
  waiting: {
    go: "sending put",
    whole: "completing complete",
    unanswered: "offline wait",
    busy: "offline wait",
    stranger: "signed-out",
    refused: "failed",
    completed: "done",
    there: "done",
    absent: "waiting discard",
    pause: "paused",
    cancel: "cancelled abort",
    offline: "offline",
    "signed-out": "signed-out",
  },
  creating: {
    created: "sending",
    unanswered: "offline wait",
    busy: "offline wait",
    stranger: "signed-out",
    refused: "failed",
    completed: "done",
    there: "done",
    absent: "waiting",
    pause: "paused",
    cancel: "cancelled",
    offline: "offline",
    "signed-out": "signed-out",
  },
  sending: {
    go: "sending put",
    whole: "completing stop complete",
    cut: "offline wait",
    lost: "sending verify",
    changed: "needs-file",
    broken: "failed",
    unanswered: "offline wait",
    busy: "offline wait",
    stranger: "signed-out",
    refused: "failed stop",
    completed: "done stop",
    there: "done stop",
    absent: "waiting stop discard",
    pause: "paused stop",
    cancel: "cancelled stop abort",
    offline: "offline stop",
    "signed-out": "signed-out",
  },
  completing: {
    listed: "completing complete",
    whole: "completing complete",
    unanswered: "offline wait",
    busy: "offline wait",
    stranger: "signed-out",
    refused: "failed",
    completed: "done",
    there: "done",
    absent: "waiting discard",
    pause: "paused",
    cancel: "cancelled",
    offline: "offline",
    "signed-out": "signed-out",
  },
  paused: {
    completed: "done",
    there: "done",
    absent: "paused discard",
    resume: "waiting",
    cancel: "cancelled abort",
  },
  offline: {
    completed: "done stop",
    there: "done stop",
    absent: "offline stop discard",
    pause: "paused stop",
    resume: "waiting",
    cancel: "cancelled stop abort",
    online: "waiting",
    woke: "waiting",
    "signed-out": "signed-out",
  },
  "signed-out": {
    completed: "done stop",
    there: "done stop",
    absent: "signed-out stop discard",
    pause: "paused stop",
    cancel: "cancelled stop abort",
    "signed-in": "waiting",
  },
  "needs-file": {
    completed: "done",
    there: "done",
    absent: "needs-file discard",
    cancel: "cancelled abort",
    file: "waiting",
  },
  elsewhere: {
    mine: "waiting",
    over: "cancelled",
  },
  done: {},
  failed: {
    completed: "done",
    there: "done",
    absent: "failed discard",
    retry: "waiting",
    cancel: "cancelled abort",
  },
  cancelled: {
    created: "cancelled abort",
    listed: "cancelled abort",
    whole: "cancelled abort",
    signed: "cancelled abort",
    unanswered: "cancelled abort",
    busy: "cancelled abort",
    stranger: "cancelled abort",
    refused: "cancelled abort",
    completed: "cancelled abort",
    there: "cancelled abort",
    absent: "cancelled abort",
  },
};

describe.each(STAGES)("at %s", (stage) => {
  test.each(Object.keys(events))("%s", (name) => {
    const event = events[name];
    if (!event) throw new Error(name);
    const { item, commands } = step(before(stage, name), event);
    const words = [item.stage, ...commands.map(({ type }) => type)].join(" ");
    expect(words).toBe(table[stage][name] ?? stage);
  });
});

test("an answer that nothing was asked for changes nothing", () => {
  for (const stage of STAGES) {
    for (const [name, asked] of Object.entries(ANSWERS)) {
      const event = events[name];
      const item = { ...at[stage], asked: null };
      if (!event || stage === "cancelled") continue;
      expect(step(item, event), `${stage} ${asked}`).toEqual({ item, commands: [] });
    }
  }
});
