// The machine of one file: a pure function from an item and an event to the next item and what is to be done.

import { type Item, type ItemEvent, isOver, restored, type Step, storedBytes } from "./item";
import {
  ask,
  blame,
  chain,
  done,
  enter,
  fail,
  finish,
  go,
  isStored,
  needFile,
  restart,
  sent,
  stay,
  stop,
} from "./moves";

const isUnderWay = ({ stage }: Item) =>
  stage === "waiting" || stage === "creating" || stage === "sending" || stage === "completing";

export function step(item: Item, event: ItemEvent): Step {
  if (item.stage === "elsewhere") return inOtherTab(item, event);
  if (item.stage === "cancelled") return cancelled(item, event);
  if (isOver(item.stage)) return stay(item);
  switch (event.type) {
    case "checked":
    case "rejected":
    case "allow":
      return check(item, event);
    case "go":
      return item.stage === "waiting" || item.stage === "sending"
        ? go(item, event.grant)
        : stay(item);
    case "created":
    case "listed":
    case "signed":
    case "completed":
    case "verified":
    case "refused":
    case "aborted":
      // Each request is answered once.
      return item.asked ? answered(item, event) : stay(item);
    case "sent":
    case "unsent":
      // A PUT that was broken off says nothing any more.
      return item.inFlight[event.part] === event.put ? put(item, event) : stay(item);
    case "pause":
    case "resume":
    case "retry":
    case "cancel":
      return asUserWants(item, event.type);
    case "offline":
    case "online":
    case "woke":
    case "signed-out":
    case "signed-in":
      return outside(item, event.type);
    case "file":
      return given(item);
    case "misfit":
      return item.stage === "needs-file" ? stay({ ...item, message: event.message }) : stay(item);
    case "elsewhere":
    case "mine":
      return stay(item);
  }
}

type Of<T extends ItemEvent["type"]> = Extract<ItemEvent, { type: T }>;

function check(item: Item, event: Of<"checked" | "rejected" | "allow">): Step {
  if (event.type === "allow") {
    return item.stage === "duplicate"
      ? stay({ ...item, stage: "waiting", twin: null })
      : stay(item);
  }
  if (item.stage !== "checking") return stay(item);
  if (event.type === "rejected") return fail(item, event.message);
  const { fingerprint, twin } = event;
  return stay({ ...item, fingerprint, twin, stage: twin ? "duplicate" : "waiting" });
}

type Answer = Of<
  "created" | "listed" | "signed" | "completed" | "verified" | "refused" | "aborted"
>;

// Answers are noted at every stage; only an item that is under way goes on by them.
function answered(before: Item, event: Answer): Step {
  const item = { ...before, asked: null };
  switch (event.type) {
    case "created": {
      const { upload, urls, headers, isNew } = event;
      const next = {
        ...item,
        upload,
        urls,
        headers,
        isListed: isNew,
        signedAt: item.puts,
        tries: 0,
      };
      return stay(item.stage === "creating" ? { ...next, stage: "sending" } : next);
    }
    case "listed": {
      const { partSize } = event;
      const upload = item.upload && { ...item.upload, partSize };
      // A part that came in since the store was asked is in `item` alone.
      const etags = { ...event.etags, ...item.etags };
      const next = { ...item, upload, etags, isListed: true };
      return onward({ ...next, stored: storedBytes(next) });
    }
    case "signed":
      return stay({ ...item, urls: { ...item.urls, ...event.urls }, signedAt: item.puts });
    case "completed":
      return done(item);
    case "verified":
      if (event.isThere) return done(item);
      return chain(restart(item), (item) =>
        stay(isUnderWay(item) ? { ...item, stage: "waiting" } : item),
      );
    case "refused":
      return isUnderWay(item) ? blame(item, event.fault, null) : stay(item);
    case "aborted":
      return stay(item);
  }
}

function put(item: Item, event: Of<"sent" | "unsent">): Step {
  if (event.type === "sent") {
    return chain(sent(item, event.part, event.etag), onward);
  }
  const { [event.part]: _, ...inFlight } = item.inFlight;
  const next = { ...item, inFlight };
  return isUnderWay(next) ? blame(next, event.fault, event.put) : stay(next);
}

/** Finishes if nothing is missing. */
function onward(item: Item): Step {
  if (!isStored(item)) return stay(item);
  const isSingle = item.upload?.uploadId === null;
  return isSingle || (isUnderWay(item) && item.isListed) ? finish(item) : stay(item);
}

function asUserWants(item: Item, wish: "pause" | "resume" | "retry" | "cancel"): Step {
  const { stage } = item;
  switch (wish) {
    case "pause":
      return isUnderWay(item) || stage === "offline" || stage === "signed-out"
        ? chain(stop(item), (item) => stay({ ...item, stage: "paused", message: "" }))
        : stay(item);
    case "resume":
      return stage === "paused" || stage === "offline" ? enter(item) : stay(item);
    case "retry":
      return stage === "failed" ? again(item) : stay(item);
    case "cancel":
      return chain(stop(item), (item) => leave({ ...item, stage: "cancelled", message: "" }));
  }
}

// All that may have led to the failure is asked for anew.
function again(item: Item): Step {
  const fresh = { ...item, tries: 0, refusals: 0, urls: {}, etags: {} };
  if (item.upload) return enter(fresh);
  // The answer to the refused request may be kept under its name.
  const next = { ...fresh, round: item.round + 1 };
  return item.hasFile ? enter(next) : needFile(next);
}

function outside(
  item: Item,
  news: "offline" | "online" | "woke" | "signed-out" | "signed-in",
): Step {
  const { stage } = item;
  switch (news) {
    case "offline":
      return isUnderWay(item)
        ? chain(stop(item), (item) => stay({ ...item, stage: "offline", message: "" }))
        : stay(item);
    case "online":
    case "woke":
      return stage === "offline" ? enter(item) : stay(item);
    case "signed-out":
      // PUTs need no sign-in: those that have begun come to their end.
      return isUnderWay(item) || stage === "offline"
        ? stay({ ...item, stage: "signed-out", message: "" })
        : stay(item);
    case "signed-in":
      return stage === "signed-out" ? enter(item) : stay(item);
  }
}

function given(item: Item): Step {
  const next = { ...item, hasFile: true };
  if (item.stage !== "needs-file") return stay(next);
  if (!item.upload && item.fingerprint === null) {
    return stay({ ...next, stage: "checking", message: "" }, { type: "check", key: item.key });
  }
  return enter(next);
}

/** Removes from the server what is there, after the answer to the last request. */
function leave(item: Item): Step {
  if (item.asked || !item.upload) return stay(item);
  return ask(item, "abort", { type: "abort", key: item.key });
}

function cancelled(item: Item, event: ItemEvent): Step {
  switch (event.type) {
    case "created":
      return leave({ ...item, asked: null, upload: event.upload });
    case "refused": {
      const wasAbort = item.asked === "abort";
      const next = { ...item, asked: null };
      if (!wasAbort) return leave(next);
      const { kind } = event.fault;
      if (kind === "signed-out") return stay(next);
      if (kind !== "network" && kind !== "server") return stay({ ...next, upload: null });
      const tries = item.tries + 1;
      return stay({ ...next, tries }, { type: "wait", key: item.key, tries });
    }
    case "listed":
    case "signed":
    case "completed":
    case "verified":
      return leave({ ...item, asked: null });
    case "aborted":
      return stay({ ...item, asked: null, upload: null });
    case "woke":
    case "online":
    case "signed-in":
      return leave(item);
    default:
      return stay(item);
  }
}

function inOtherTab(item: Item, event: ItemEvent): Step {
  if (event.type === "elsewhere") return stay(event.shown ? { ...item, shown: event.shown } : item);
  if (event.type !== "mine") return stay(item);
  const { kept, hasHandle } = event;
  if (!kept) {
    // The other tab has ended it.
    return stay({
      ...item,
      upload: null,
      stage: item.shown?.stage === "done" ? "done" : "cancelled",
    });
  }
  const own = restored(kept, { hasHandle });
  switch (kept.stage) {
    case "done":
    case "failed":
    case "paused":
      return stay(own);
    case "cancelled":
      return leave(own);
    default:
      return own.upload ? enter(own) : needFile(own);
  }
}
