import { expect, test } from "vitest";
import { renewAfterMs, retryAfterSecs } from "./times";

test.each([
  ["5", 5],
  [null, 1],
  ["0", 1],
  ["900", 30],
  ["Wed, 21 Oct 2026 07:28:00 GMT", 1],
])("Retry-After %s is %d seconds", (header, secs) => expect(retryAfterSecs(header)).toBe(secs));

test("a token is renewed while a fifth of its time is left", () => {
  const now = Date.parse("2026-11-30T12:00:00Z");
  expect(renewAfterMs("2026-11-30T18:00:00Z", now)).toBe(4.8 * 3600 * 1000);
});

test("a token that has ended is not asked for in a loop", () => {
  const now = Date.parse("2026-11-30T12:00:00Z");
  expect(renewAfterMs("2026-11-30T11:00:00Z", now)).toBe(5_000);
});
