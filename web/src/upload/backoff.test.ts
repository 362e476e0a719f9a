import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Alarms, delayMs } from "./backoff";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test.each([
  [1, 500, 1_000],
  [2, 1_000, 2_000],
  [6, 16_000, 32_000],
  [7, 30_000, 60_000],
  [1_000, 30_000, 60_000],
])("try %d comes after %d to %d ms", (tries, least, most) => {
  expect(delayMs(tries, () => 0)).toBe(least);
  expect(delayMs(tries, () => 1)).toBe(most);
});

test("an alarm wakes once, and a later one replaces it", () => {
  const woken: string[] = [];
  const alarms = new Alarms(
    (key) => woken.push(key),
    () => true,
  );
  alarms.set("a", 1);
  alarms.set("a", 7);
  alarms.set("b", 1);
  alarms.set("c", 1);
  alarms.clear("c");
  vi.advanceTimersByTime(1_000);
  expect(woken).toEqual(["b"]);
  vi.advanceTimersByTime(60_000);
  expect(woken).toEqual(["b", "a"]);
});

test("an hour without a network wakes nothing: the browser says when it is back", () => {
  const woken: string[] = [];
  const alarms = new Alarms(
    (key) => woken.push(key),
    () => false,
  );
  alarms.set("a", 1);
  vi.advanceTimersByTime(3_600_000);
  expect(woken).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
});
