import "fake-indexeddb/auto";
import { expect, test } from "vitest";
import { kept, newItem } from "./item";
import { Store } from "./store";

const item = (key: string, addedAt: number) =>
  kept(
    newItem(
      { key, owner: "me", name: "a.mp4", folder: "", size: 1, modified: 1, type: "", addedAt },
      false,
    ),
  );

test("items survive the page, in their order", async () => {
  const before = new Store("survive");
  await before.put(item("b", 2));
  await before.put(item("a", 1));
  await before.put({ ...item("b", 2), stored: 7 });
  const after = new Store("survive");
  expect((await after.all()).map(({ key, stored }) => [key, stored])).toEqual([
    ["a", 0],
    ["b", 7],
  ]);
  expect(await after.get("a")).toEqual(item("a", 1));
  expect(await after.get("c")).toBeNull();
});

test("a handle goes with its item", async () => {
  const store = new Store("handles");
  const handle = { kind: "file", name: "a.mp4" } as FileSystemFileHandle;
  await store.put(item("a", 1));
  await store.putHandle("a", handle);
  expect(await store.handle("a")).toEqual(handle);
  await store.remove("a");
  expect([await store.get("a"), await store.handle("a")]).toEqual([null, null]);
});

test("two tabs use it at the same time", async () => {
  const [one, other] = [new Store("tabs"), new Store("tabs")];
  await Promise.all([one.put(item("a", 1)), other.put(item("b", 2))]);
  expect(await one.all()).toEqual(await other.all());
});
