import { expect, test } from "vitest";
import { bitrate, bytes, clock, percent, span } from "./format";

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [1000, "1.0 kB"],
  [99_449, "99.4 kB"],
  [999_499, "999 kB"],
  [999_500, "1.0 MB"],
  [4_700_000_000_000_000, "4700 TB"],
])("%d bytes read %s", (count, expected) => expect(bytes(count)).toBe(expected));

test.each([
  [0, "0:00"],
  [59.99, "0:59"],
  [61, "1:01"],
  [3_723, "1:02:03"],
])("%d s are at %s", (secs, expected) => expect(clock(secs)).toBe(expected));

test.each([
  [0, "0 s"],
  [11.2, "12 s"],
  [60, "1 min"],
  [200, "3 min 20 s"],
  [3_600, "1 h"],
  [7_500, "2 h 5 min"],
  [7_190, "2 h"],
])("%d s last %s", (secs, expected) => expect(span(secs)).toBe(expected));

test("a share is whole only at its end", () => {
  expect(percent(0.999)).toBe("99 %");
  expect(percent(1)).toBe("100 %");
  expect(percent(7)).toBe("100 %");
});

test("bitrates have three digits at most", () => {
  expect(bitrate(800_400)).toBe("800 kbit/s");
  expect(bitrate(5_250_000)).toBe("5.3 Mbit/s");
});
