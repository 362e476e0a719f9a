import { expect, test } from "vitest";
import type { Video } from "../api/types";
import {
  aspectOf,
  fileBytes,
  isRestorable,
  isSettled,
  parseTags,
  rungsOf,
  secsBetween,
  sizesOf,
} from "./video";

const video = (more: Partial<Video> = {}): Video => ({
  id: "a",
  filename: "a.mp4",
  state: "ready",
  playable: true,
  progress: 1,
  attempt: 1,
  renditions: [],
  playback_url: "",
  timings: {},
  backend_failures: [],
  priority: "normal",
  tags: [],
  text_tracks: [],
  visibility: "public",
  warnings: [],
  ...more,
});
const rung = (width: number, height: number) => ({
  name: `${height}p`,
  label: `${Math.min(width, height)}p`,
  width,
  height,
  segments: 1,
});

test("a video is settled once neither it nor a text track changes", () => {
  expect(isSettled(video())).toBe(true);
  expect(isSettled(video({ state: "running" }))).toBe(false);
  const track = { language: "en", label: "English", kind: "subtitles", default: false } as const;
  expect(isSettled(video({ text_tracks: [{ ...track, state: "pending" }] }))).toBe(false);
});

test("rungs come from the largest to the smallest, without audio", () => {
  const renditions = [rung(640, 360), rung(1280, 720), { name: "audio-en", segments: 1 }];
  expect(rungsOf(video({ renditions })).map(({ name }) => name)).toEqual(["720p", "360p"]);
  expect(sizesOf(video({ renditions }))).toBe("360p, 720p");
});

test("the player's place has the shape of the video, within limits", () => {
  expect(aspectOf(video())).toBeCloseTo(16 / 9);
  expect(aspectOf(video({ renditions: [rung(640, 480)] }))).toBeCloseTo(4 / 3);
  expect(aspectOf(video({ renditions: [rung(1080, 1920)] }))).toBe(1);
  expect(aspectOf(video({ renditions: [rung(3840, 800)] }))).toBe(2.4);
});

test("spans between times need both", () => {
  expect(secsBetween("2026-11-30T12:00:00Z", "2026-11-30T12:01:30Z")).toBe(90);
  expect(secsBetween("2026-11-30T12:00:00Z", null)).toBeNull();
  expect(secsBetween(undefined, "2026-11-30T12:00:00Z")).toBeNull();
});

test("the size of a file is its rate by its length", () => {
  expect(fileBytes({ ...rung(640, 360), average_bps: 800_000 }, 10)).toBe(1_000_000);
  expect(fileBytes(rung(640, 360), 10)).toBeNull();
});

test("tags are trimmed, and none comes twice", () => {
  expect(parseTags(" a, b ,,a, two words ")).toEqual(["a", "b", "two words"]);
  expect(parseTags(" , ")).toEqual([]);
});

test("a delete can be undone until its objects go", () => {
  const now = Date.parse("2026-11-30T12:00:00Z");
  const until = (purge_after: string | null) => isRestorable(video({ purge_after }), now);
  expect(until("2026-11-30T12:01:00Z")).toBe(true);
  expect(until("2026-11-30T12:00:00Z")).toBe(false);
  expect(until(null)).toBe(false);
});
