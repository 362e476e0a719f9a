import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openLocks } from "./locks";

// Without Web Locks, as on pages without TLS.
beforeEach(() => {
  vi.stubGlobal("navigator", {});
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** Lets so many milliseconds pass, and messages between tabs come through. */
async function pass(ms: number): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  vi.advanceTimersByTime(ms);
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

test("one tab has a file, and another takes over once it is released", async () => {
  const [first, second] = [openLocks(), openLocks()];
  const log: string[] = [];
  first.take("a", () => log.push("first"));
  await pass(500);
  expect(log).toEqual(["first"]);
  second.take("a", () => log.push("second"));
  second.take("b", () => log.push("second has b"));
  await pass(500);
  await pass(4_000);
  expect(log).toEqual(["first", "second has b"]);
  first.release("a");
  await pass(5_000);
  await pass(500);
  expect(log).toEqual(["first", "second has b", "second"]);
});

test("of two tabs that ask at once, one gets the file", async () => {
  const log: string[] = [];
  const tabs = [openLocks(), openLocks()];
  tabs.forEach((tab, n) => {
    tab.take("c", () => log.push(`tab ${n}`));
  });
  await pass(500);
  await pass(500);
  expect(log).toHaveLength(1);
});
