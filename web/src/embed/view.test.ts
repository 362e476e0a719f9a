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
  expect(stepOf(200, view, "")).toEqual({ kind: "play", view });
  expect(stepOf(200, { ...view, playable: false }, "")).toEqual({
    kind: "wait",
    reason: "soon",
    title: "A film",
  });
  expect(stepOf(200, { ...view, playable: false, state: "failed" }, "").kind).toBe("end");
});

test.each([
  [404, "not-found", "unknown"],
  [400, "", "unknown"],
  [401, "token-missing", "private"],
  // The word TOKEN of an embed code that nobody has replaced.
  [401, "token-malformed", "private"],
  [403, "token-other-video", "private"],
  [401, "token-expired", "expired"],
])("status %d with the code %s is an end", (status, code, reason) => {
  expect(stepOf(status, null, code)).toEqual({ kind: "end", reason });
});

test.each([0, 429, 503])("status %d is asked again", (status) => {
  expect(stepOf(status, null, "")).toEqual({ kind: "wait", reason: "offline", title: "" });
});

test("the player gets URLs without tokens", () => {
  expect(bare("http://h/play/a/main.m3u8?token=x", "http://h")).toBe("http://h/play/a/main.m3u8");
  expect(bare("/play/a?token=x&v=2", "http://h")).toBe("http://h/play/a?v=2");
});
