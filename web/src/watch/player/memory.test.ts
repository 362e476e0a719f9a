import { beforeEach, expect, test } from "vitest";
import { readPlace, readSettings, writePlace, writeSettings } from "./memory";

let kept: Map<string, string>;
const store = {
  getItem: (key: string) => kept.get(key) ?? null,
  setItem: (key: string, value: string) => void kept.set(key, value),
};

beforeEach(() => {
  kept = new Map();
});

test("settings are the defaults at first, and then those that were chosen", () => {
  expect(readSettings(store)).toEqual({ volume: 1, isMuted: false, rate: 1, captions: null });
  writeSettings({ rate: 1.5 }, store);
  writeSettings({ captions: "de" }, store);
  expect(readSettings(store)).toEqual({ volume: 1, isMuted: false, rate: 1.5, captions: "de" });
});

test.each(["", "{", "7", '{"volume": 9, "rate": "fast", "isMuted": "yes", "captions": 3}'])(
  "damaged settings %s are the defaults",
  (text) => {
    kept.set("ladderd.player", text);
    expect(readSettings(store)).toEqual({ volume: 1, isMuted: false, rate: 1, captions: null });
  },
);

test("a place is kept for each video and forgotten at its end", () => {
  writePlace("a", 30, 60, store);
  writePlace("b", 40, 60, store);
  expect(readPlace("a", store)).toBe(30);
  writePlace("a", 59, 60, store);
  expect(readPlace("a", store)).toBeNull();
  expect(readPlace("b", store)).toBe(40);
});

test("the first seconds are no place", () => {
  writePlace("a", 30, 60, store);
  writePlace("a", 2, 60, store);
  expect(readPlace("a", store)).toBeNull();
});

test("a stream that still grows has places, too", () => {
  writePlace("a", 30, Number.POSITIVE_INFINITY, store);
  expect(readPlace("a", store)).toBe(30);
});

test("only the newest places are kept", () => {
  for (let n = 0; n < 250; n += 1) writePlace(`v${n}`, 10, 60, store);
  const places = JSON.parse(kept.get("ladderd.places") ?? "{}") as Record<string, unknown>;
  expect(Object.keys(places)).toHaveLength(200);
});

test("a store that refuses is no fault", () => {
  const refusing = {
    getItem: () => {
      throw new Error("denied");
    },
    setItem: () => {
      throw new Error("denied");
    },
  };
  writePlace("a", 30, 60, refusing);
  writeSettings({ rate: 2 }, refusing);
  expect(readPlace("a", refusing)).toBeNull();
  expect(readSettings(refusing).rate).toBe(1);
});
