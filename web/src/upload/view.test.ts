import { expect, test } from "vitest";
import { type Item, newItem, STAGES, type StageName } from "./item";
import { headline, inOrder, isBusy, isLostWithPage, totals } from "./view";

const base = newItem(
  { key: "k", owner: "", name: "a.mp4", folder: "", size: 100, modified: 1, type: "", addedAt: 5 },
  false,
);
const at = (stage: StageName, more: Partial<Item> = {}): Item => ({ ...base, stage, ...more });
const sum = (items: Item[], batchAt = 0) => totals(items, (item) => item.stored, batchAt);

test("totals count bytes of all files of the batch", () => {
  const items = [
    at("done"),
    at("done", { addedAt: 1 }),
    at("sending", { stored: 50 }),
    at("waiting"),
    at("failed"),
    at("duplicate"),
  ];
  const all = sum(items, 5);
  expect(all).toMatchObject({ all: 6, done: 2, failed: 1, underWay: 2, duplicates: 1 });
  expect(all.share).toBe(150 / 300);
  expect(all.bytesLeft).toBe(150);
});

test("nothing to send has no share", () => {
  expect(sum([at("done"), at("failed")]).share).toBeNull();
  expect(sum([at("completing", { stored: 100 })]).share).toBe(1);
});

test.each<[string, Item[], boolean]>([
  ["Uploading 1 file", [at("sending"), at("duplicate")], true],
  ["Waiting for the connection", [at("offline"), at("done")], true],
  ["1 file needs you", [at("needs-file"), at("paused")], false],
  ["Uploads are paused", [at("paused"), at("done")], false],
  ["1 file uploaded, 1 failed", [at("failed"), at("done")], false],
  ["2 files uploaded", [at("done"), at("done")], false],
])("%s", (words, items, busy) => {
  const all = sum(items);
  expect(headline(all)).toBe(words);
  expect(isBusy(all)).toBe(busy);
});

test("files that wait for the user come first, the others in their order", () => {
  const stages: StageName[] = ["done", "needs-file", "sending", "duplicate"];
  const sorted = inOrder(stages.map((stage) => at(stage))).map(({ stage }) => stage);
  expect(sorted).toEqual(["needs-file", "duplicate", "done", "sending"]);
});

const CAN_BE_LOST: StageName[] = [
  "checking",
  "duplicate",
  "waiting",
  "creating",
  "sending",
  "offline",
  "signed-out",
  "paused",
];

test.each(STAGES)("leaving at %s", (stage) => {
  expect(isLostWithPage(at(stage))).toBe(CAN_BE_LOST.includes(stage));
  expect(isLostWithPage(at(stage, { hasHandle: true }))).toBe(false);
  expect(isLostWithPage(at(stage, { stored: 1 }))).toBe(false);
  expect(isLostWithPage(at(stage, { hasFile: false }))).toBe(false);
});
