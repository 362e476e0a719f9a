import { expect, test } from "vitest";
import { addSample, bufferAhead, column, MAX_SAMPLES, type Sample } from "./samples";

const ranges = (...pairs: [number, number][]): TimeRanges => ({
  length: pairs.length,
  start: (n) => pairs[n]?.[0] ?? 0,
  end: (n) => pairs[n]?.[1] ?? 0,
});

test("the buffer is what is loaded from the place on without a hole", () => {
  expect(bufferAhead(ranges([0, 10]), 4)).toBe(6);
  expect(bufferAhead(ranges([0, 10], [20, 30]), 25)).toBe(5);
  expect(bufferAhead(ranges([0, 10], [20, 30]), 15)).toBe(0);
  expect(bufferAhead(ranges([0.05, 10]), 0)).toBe(10);
  expect(bufferAhead(ranges(), 0)).toBe(0);
});

test("only the newest samples are kept", () => {
  let samples: Sample[] = [];
  for (let at = 0; at < MAX_SAMPLES + 10; at += 1) {
    samples = addSample(samples, {
      at,
      bufferSecs: at,
      rungMbps: null,
      bandwidthMbps: 1,
      dropped: 0,
    });
  }
  const times = column(samples, "at");
  expect(times).toHaveLength(MAX_SAMPLES);
  expect(times.at(0)).toBe(10);
  expect(times.at(-1)).toBe(MAX_SAMPLES + 9);
});
