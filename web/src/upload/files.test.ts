import { expect, test } from "vitest";
import { misfit, openHandle } from "./files";
import { fingerprint } from "./fingerprint";
import { type Item, newItem } from "./item";

const file = (content: string, name = "a.mp4", lastModified = 1) =>
  new File([content], name, { lastModified });

async function item(stored: number, print = true): Promise<Item> {
  const original = file("film");
  const facts = { name: "a.mp4", folder: "", size: 4, modified: 1, type: "", addedAt: 0 };
  const content = print ? await fingerprint(original) : null;
  return { ...newItem({ key: "k", owner: "", ...facts }, false), fingerprint: content, stored };
}

test.each([
  ["the same file", file("film"), 4, null],
  ["the same file under another name", file("film", "b.mp4"), 4, null],
  ["another size", file("films"), 4, "not 4 B"],
  ["another content", file("mlif"), 4, "its content differs"],
  ["changed since parts were stored", file("film", "a.mp4", 2), 4, "was changed since"],
  ["changed before any part was stored", file("film", "a.mp4", 2), 0, null],
])("%s", async (_, given, stored, words) => {
  const message = await misfit(await item(stored), given);
  if (words === null) expect(message).toBeNull();
  else expect(message).toContain(words);
});

test("without a fingerprint, name and date must be the same", async () => {
  const known = await item(4, false);
  expect(await misfit(known, file("film"))).toBeNull();
  expect(await misfit(known, file("film", "b.mp4"))).toContain("its content differs");
});

const handle = (query: PermissionState, request: PermissionState) =>
  ({
    queryPermission: async () => query,
    requestPermission: async () => request,
    getFile: async () => file("film"),
  }) as unknown as FileSystemFileHandle;

test.each<[PermissionState, PermissionState, boolean, boolean]>([
  ["granted", "denied", false, true],
  ["prompt", "granted", false, false],
  ["prompt", "granted", true, true],
  ["prompt", "denied", true, false],
  ["denied", "granted", true, false],
])("a handle that is %s, then %s; may ask: %s", async (query, request, mayAsk, opens) => {
  expect((await openHandle(handle(query, request), mayAsk)) !== null).toBe(opens);
});
