import { expect, test } from "vitest";
import { actionOf, type Press } from "./keyboard";

const press = (key: string, more: Partial<Press> = {}) =>
  actionOf({ key, hasModifier: false, focus: "page", ...more });

test.each([
  ["k", { kind: "toggle" }],
  ["K", { kind: "toggle" }],
  [" ", { kind: "toggle" }],
  ["j", { kind: "skip", secs: -10 }],
  ["l", { kind: "skip", secs: 10 }],
  ["ArrowLeft", { kind: "skip", secs: -5 }],
  ["ArrowRight", { kind: "skip", secs: 5 }],
  ["0", { kind: "seek", share: 0 }],
  ["7", { kind: "seek", share: 0.7 }],
  ["f", { kind: "fullscreen" }],
  ["m", { kind: "mute" }],
  ["c", { kind: "captions" }],
  ["<", { kind: "rate", by: -1 }],
  [">", { kind: "rate", by: 1 }],
  ["?", { kind: "help" }],
])("%s is a key of the player", (key, action) => expect(press(key)).toEqual(action));

test.each(["k", " ", "5", "?", "ArrowLeft"])("%s is text in a field", (key) => {
  expect(press(key, { focus: "field" })).toBeNull();
});

test.each(["k", "f", "5", "ArrowLeft"])("%s with a modifier is the browser's", (key) => {
  expect(press(key, { hasModifier: true })).toBeNull();
});

test("space and arrows belong to the button or slider that has the focus", () => {
  for (const key of [" ", "ArrowLeft", "ArrowUp", "Home"]) {
    expect(press(key, { focus: "control" })).toBeNull();
  }
  expect(press("k", { focus: "control" })).toEqual({ kind: "toggle" });
});

test("keys that scroll the page are the player's only within it", () => {
  expect(press("ArrowUp")).toBeNull();
  expect(press("End")).toBeNull();
  expect(press("ArrowUp", { focus: "player" })).toEqual({ kind: "volume", by: 0.05 });
  expect(press("End", { focus: "player" })).toEqual({ kind: "seek", share: 1 });
});

test("other keys are nobody's", () => expect(press("x")).toBeNull());
