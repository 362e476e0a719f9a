import { expect, test } from "vitest";
import { parseStart, withStart } from "./start";

test.each([
  ["90", 90],
  ["90s", 90],
  ["1m30s", 90],
  ["1m30", 90],
  ["2m", 120],
  ["1h2m3s", 3723],
  ["1h", 3600],
  ["1:30", 90],
  ["1:02:03", 3723],
  ["1.5", 1.5],
  [" 7 ", 7],
  ["0", 0],
])("%s is a start time", (text, secs) => expect(parseStart(text)).toBe(secs));

test.each([null, "", " ", "abc", "-5", "1m30x", "s", "1:2:3:4", "1h30x"])("%s is none", (text) =>
  expect(parseStart(text)).toBeNull(),
);

test("a link has its start time as a parameter", () => {
  expect(withStart("https://a/watch/b", 90.9)).toBe("https://a/watch/b?t=90");
  expect(withStart("https://a/b?token=c", 3)).toBe("https://a/b?token=c&t=3");
  expect(withStart("https://a/watch/b", 0.4)).toBe("https://a/watch/b");
  expect(withStart("https://a/watch/b", null)).toBe("https://a/watch/b");
});
