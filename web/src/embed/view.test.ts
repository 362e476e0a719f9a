import { expect, test } from "vitest";
import { bare, optionsOf, type PlaybackView, stepOf } from "./view";

const view: PlaybackView = {
  id: "a",
  title: "A film",
  state: "running",
  playable: true,
  is_growing: true,
  visibility: "public",
  playback_url: "http://h/a/main.m3u8",
  beacons: true,
};

test("the URL of the frame says what to play", () => {
  const url = new URL("http://h/embed/a1?token=x&t=1m&autoplay=1&muted=0");
  expect(optionsOf(url)).toEqual({
    id: "a1",
    token: "x",
    start: "1m",
    autoplays: true,
    isMuted: false,
  });
  expect(optionsOf(new URL("http://h/embed/"))).toBeNull();
  expect(optionsOf(new URL("http://h/embed.html"))).toBeNull();
});

test("a video plays as soon as it can", () => {
  expect(stepOf(200, view, false)).toEqual({ kind: "play", view });
  expect(stepOf(200, { ...view, playable: false }, false)).toEqual({
    kind: "wait",
    reason: "soon",
    title: "A film",
  });
  expect(stepOf(200, { ...view, playable: false, state: "failed" }, false).kind).toBe("end");
});

test.each([
  [404, false, "unknown"],
  [400, false, "unknown"],
  [401, false, "private"],
  [401, true, "expired"],
  [403, true, "expired"],
])("status %d is an end", (status, hasToken, reason) => {
  expect(stepOf(status, null, hasToken)).toEqual({ kind: "end", reason });
});

test.each([0, 429, 503])("status %d is asked again", (status) => {
  expect(stepOf(status, null, false)).toEqual({ kind: "wait", reason: "offline", title: "" });
});

test("the player gets URLs without tokens", () => {
  expect(bare("http://h/play/a/main.m3u8?token=x", "http://h")).toBe("http://h/play/a/main.m3u8");
  expect(bare("/play/a?token=x&v=2", "http://h")).toBe("http://h/play/a?v=2");
});
