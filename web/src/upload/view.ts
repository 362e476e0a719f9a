// Totals over the queue, and whether something would be lost with the page.

import { text } from "../text";
import type { Item, StageName } from "./item";

/** The stage to show: that in the tab which has the file. */
export const shownStage = (item: Item): StageName =>
  item.stage === "elsewhere" ? (item.shown?.stage ?? "waiting") : item.stage;

const UNDER_WAY: StageName[] = ["checking", "waiting", "creating", "sending", "completing"];
const NEEDS_USER: StageName[] = ["duplicate", "needs-file"];

/** Those that wait for the user come first. */
export function inOrder(items: readonly Item[]): Item[] {
  const waits = (item: Item) => NEEDS_USER.includes(item.stage);
  return [...items.filter(waits), ...items.filter((item) => !waits(item))];
}

export interface Totals {
  all: number;
  done: number;
  failed: number;
  underWay: number;
  needsUser: number;
  duplicates: number;
  paused: number;
  offline: number;
  /** Files that only another tab sends. */
  elsewhere: number;
  /** Share of all bytes that is sent, 0 to 1; `null` if there is nothing to send. */
  share: number | null;
  bytesLeft: number;
}

export function totals(
  items: readonly Item[],
  sentBytes: (item: Item) => number,
  batchAt: number,
): Totals {
  const stages = items.map(shownStage);
  const count = (...names: StageName[]) => stages.filter((stage) => names.includes(stage)).length;
  let size = 0;
  let sent = 0;
  let bytesLeft = 0;
  items.forEach((item, index) => {
    const stage = stages[index];
    if (stage === "failed" || stage === "cancelled" || stage === "duplicate") return;
    if (stage === "done" && item.addedAt < batchAt) return;
    const bytes = stage === "done" ? item.size : sentBytes(item);
    size += item.size;
    sent += bytes;
    bytesLeft += item.size - bytes;
  });
  return {
    all: items.length - count("cancelled"),
    done: count("done"),
    failed: count("failed"),
    underWay: count(...UNDER_WAY),
    needsUser: count(...NEEDS_USER),
    duplicates: count("duplicate"),
    paused: count("paused"),
    offline: count("offline", "signed-out"),
    elsewhere: items.filter((item) => item.stage === "elsewhere").length,
    share: bytesLeft > 0 || count(...UNDER_WAY) > 0 ? (size > 0 ? sent / size : 0) : null,
    bytesLeft,
  };
}

/** Whether bytes are still to come without the user. */
export const isBusy = (totals: Totals) => totals.underWay + totals.offline > 0;

export function headline(totals: Totals): string {
  const words = text.upload;
  if (totals.underWay > 0) return words.uploading(totals.underWay);
  if (totals.offline > 0) return words.allOffline;
  if (totals.needsUser > 0) return words.waitsForYou(totals.needsUser);
  if (totals.paused > 0) return words.allPaused;
  if (totals.failed > 0) return words.someFailed(totals.failed, totals.done);
  return words.allDone(totals.done);
}

/**
 * Whether closing the page loses something: a file that is to be sent, of which the server has no part that is kept,
 * and that this page cannot open again by itself. Parts in the store and files with a handle are not lost: the next
 * visit goes on with them, and asks for the file at most.
 */
export function isLostWithPage({ stage, hasFile, hasHandle, stored }: Item): boolean {
  switch (stage) {
    case "checking":
    case "duplicate":
    case "waiting":
    case "creating":
    case "sending":
    case "offline":
    case "signed-out":
    case "paused":
      return hasFile && !hasHandle && stored === 0;
    case "completing":
    case "needs-file":
    case "elsewhere":
    case "done":
    case "failed":
    case "cancelled":
      return false;
  }
}
