import { expect, test } from "vitest";
import { Meter, rangeOf, slotsFor } from "./plan";

const MB = 1_000_000;

test.each([
  [null, 64, 4],
  [100 * MB, 64, 4],
  [4 * MB, 64, 3],
  [0.1 * MB, 64, 2],
  [0.1 * MB, 1, 4],
])("at %d B/s, parts of %d MB are sent %d at a time", (speed, part, slots) => {
  expect(slotsFor(speed, part * MB)).toBe(slots);
});

test("parts cover a file without a gap", () => {
  expect(rangeOf(1, 10, 25)).toEqual([0, 10]);
  expect(rangeOf(3, 10, 25)).toEqual([20, 25]);
});

test("the speed is that of the last ten seconds", () => {
  const meter = new Meter();
  expect(meter.speed(0)).toBeNull();
  meter.add(1_000, 0);
  meter.add(1_000, 500);
  expect(meter.speed(500)).toBeNull();
  for (let at = 1_000; at <= 30_000; at += 1_000) meter.add(5_000, at);
  expect(meter.speed(30_000)).toBe(5_000);
  // It fades while nothing comes, and is not known after that.
  expect(meter.speed(32_000)).toBeLessThan(5_000);
  expect(meter.speed(50_000)).toBeNull();
  // The pause before does not count.
  meter.add(0, 60_000);
  meter.add(8_000, 61_000);
  meter.add(8_000, 63_000);
  expect(meter.speed(63_000)).toBe(4_000);
});
