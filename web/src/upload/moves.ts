// Parts of the machine: what an item does next, and what follows a fault.

import {
  type Asked,
  type Command,
  type Fault,
  type Item,
  partCount,
  type Step,
  storedBytes,
} from "./item";

/** Failures of the server in a row after which the user decides. A missing network is waited out. */
export const MOST_TRIES = 12;
/** URLs in a row that the store may refuse. */
export const MOST_REFUSALS = 4;
/** URLs that one request signs. */
const SIGNED_AT_ONCE = 100;

export const stay = (item: Item, ...commands: Command[]): Step => ({ item, commands });

const isSingle = (item: Item) => item.upload?.uploadId === null;

/** Parts that the store does not have and that are not on their way, in order. */
export function missingParts(item: Item, limit = Number.POSITIVE_INFINITY): number[] {
  const missing: number[] = [];
  const count = partCount(item);
  for (let part = 1; part <= count && missing.length < limit; part++) {
    if (item.etags[part] === undefined && item.inFlight[part] === undefined) missing.push(part);
  }
  return missing;
}

/** Whether the store has every part. */
export const isStored = (item: Item) =>
  item.upload !== null && Object.keys(item.etags).length >= partCount(item);

/** Whether the next thing is a request to the API, and not a part. */
export const isAsking = (item: Item) =>
  !item.upload || (isSingle(item) ? !item.urls[1] : !item.isListed) || isStored(item);

export function ask(item: Item, what: Asked, command: Command): Step {
  return { item: { ...item, asked: what }, commands: [command] };
}

/** Back into the queue. Its answers may have been lost, so the store is asked for its parts. */
export function enter(item: Item): Step {
  return stay({ ...item, stage: "waiting", message: "", isListed: false });
}

/** Breaks its PUTs off. */
export function stop(item: Item): Step {
  if (Object.keys(item.inFlight).length === 0) return stay(item);
  return stay({ ...item, inFlight: {} }, { type: "stop", key: item.key });
}

export function chain(first: Step, next: (item: Item) => Step): Step {
  const second = next(first.item);
  return { item: second.item, commands: [...first.commands, ...second.commands] };
}

export function needFile(item: Item, message = ""): Step {
  return chain(stop(item), (item) => {
    const commands: Command[] = item.hasHandle ? [{ type: "open", key: item.key }] : [];
    return { item: { ...item, stage: "needs-file", hasFile: false, message }, commands };
  });
}

export function fail(item: Item, message: string): Step {
  return chain(stop(item), (item) => stay({ ...item, stage: "failed", message }));
}

export function done(item: Item): Step {
  return chain(stop(item), (item) =>
    stay({ ...item, stage: "done", message: "", urls: {}, stored: item.size }),
  );
}

/** The store has all: the parts become the source of the video. */
export function finish(item: Item): Step {
  if (isSingle(item)) return done(item);
  return chain(stop(item), (item) => {
    if (item.asked) return stay(item);
    return ask({ ...item, stage: "completing" }, "complete", { type: "complete", key: item.key });
  });
}

/** Forgets the upload, so that the next one begins from nothing. */
export function restart(item: Item): Step {
  return chain(stop(item), (item) => {
    const commands: Command[] = item.upload
      ? [{ type: "discard", key: item.key, videoId: item.upload.videoId }]
      : [];
    const empty = { upload: null, urls: {}, headers: {}, etags: {}, isListed: false, stored: 0 };
    return { item: { ...item, ...empty, round: item.round + 1 }, commands };
  });
}

/** Begins up to `grant` requests. */
export function go(item: Item, grant: number): Step {
  if (item.asked || grant < 1) return stay(item);
  const { key, upload } = item;
  if (!upload || (isSingle(item) && !item.urls[1])) {
    if (!item.hasFile) return needFile(item);
    return ask({ ...item, stage: "creating" }, "create", { type: "create", key });
  }
  if (upload.uploadId !== null && !item.isListed) {
    return ask({ ...item, stage: "sending" }, "list", { type: "list", key });
  }
  if (isStored(item)) return finish(item);
  if (!item.hasFile) return needFile(item);
  return sendParts({ ...item, stage: "sending" }, grant);
}

function sendParts(item: Item, grant: number): Step {
  const commands: Command[] = [];
  const inFlight = { ...item.inFlight };
  let puts = item.puts;
  for (const part of missingParts(item, grant)) {
    if (!item.urls[part]) {
      const unsigned = missingParts(item, SIGNED_AT_ONCE * 2).filter((part) => !item.urls[part]);
      const numbers = unsigned.slice(0, SIGNED_AT_ONCE);
      const sign = ask({ ...item, inFlight, puts }, "sign", {
        type: "sign",
        key: item.key,
        numbers,
      });
      return { item: sign.item, commands: [...commands, ...sign.commands] };
    }
    puts += 1;
    inFlight[part] = puts;
    commands.push({ type: "put", key: item.key, part, put: puts });
  }
  return { item: { ...item, inFlight, puts }, commands };
}

export function sent(item: Item, part: number, etag: string): Step {
  const { [part]: _, ...inFlight } = item.inFlight;
  const etags = { ...item.etags, [part]: etag };
  const next = { ...item, inFlight, etags, tries: 0, refusals: 0 };
  return stay({ ...next, stored: storedBytes(next) });
}

/** Follows a fault of an item that is under way. `put` is the number of the PUT that failed. */
export function blame(item: Item, fault: Fault, put: number | null): Step {
  switch (fault.kind) {
    case "network":
    case "server": {
      const tries = item.tries + 1;
      if (fault.kind === "server" && tries >= MOST_TRIES) return fail(item, fault.message);
      const next: Item = { ...unsigned(item, tries, put), tries, stage: "offline" };
      next.message = fault.message;
      return stay(next, { type: "wait", key: item.key, tries });
    }
    case "signed-out":
      return stay({ ...item, stage: "signed-out", message: "" });
    case "unreadable":
      return needFile({ ...item, hasHandle: false }, fault.message);
    case "final":
      return fail(item, fault.message);
    case "gone":
      if (!item.upload) return fail(item, fault.message);
      // While another request is under way, its answer will say the same.
      if (item.asked) return stay(item);
      return ask(item, "verify", { type: "verify", key: item.key });
    case "expired":
      return renew(item, fault, put);
  }
}

// A store may cut a connection off instead of saying that the URL has expired.
function unsigned(item: Item, tries: number, put: number | null): Item {
  if (put === null || put <= item.signedAt || tries < 2 || isSingle(item)) return item;
  return { ...item, urls: {}, signedAt: item.puts };
}

function renew(item: Item, fault: Fault, put: number | null): Step {
  // A request to the API has no URL that could be signed anew.
  if (put === null) return fail(item, fault.message);
  // Its URL was signed again in the meantime.
  if (put <= item.signedAt) return stay(item);
  const refusals = item.refusals + 1;
  if (refusals > MOST_REFUSALS) return fail(item, fault.message);
  if (isSingle(item)) {
    return chain(restart({ ...item, refusals }), (item) => stay({ ...item, stage: "waiting" }));
  }
  return stay({ ...item, refusals, urls: {}, signedAt: item.puts });
}
