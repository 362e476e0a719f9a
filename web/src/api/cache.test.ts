import { QueryClient } from "@tanstack/react-query";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { JobProgress, Video, VideoEvent } from "./types";

vi.stubGlobal("location", { origin: "http://page.example" });
const { cacheWriter } = await import("./cache");
const { keys } = await import("./queries");

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const event = (id: string, sequence: number) =>
  ({ type: "video.updated", sequence, data: { id } }) as unknown as VideoEvent;

test("lists are read again once a second while changes come all the time", () => {
  const client = new QueryClient();
  const reads = vi.spyOn(client, "invalidateQueries").mockResolvedValue();
  const write = cacheWriter(client);
  for (let n = 1; n <= 50; n += 1) {
    write({ kind: "event", event: event(`video-${n}`, 1) });
    vi.advanceTimersByTime(100);
  }
  expect(reads.mock.calls.length).toBe(5);
  expect(reads).toHaveBeenCalledWith({ queryKey: keys.videos });
  vi.advanceTimersByTime(10_000);
  expect(reads.mock.calls.length).toBe(5);
});

test("an event that comes twice changes nothing", () => {
  const client = new QueryClient();
  const reads = vi.spyOn(client, "invalidateQueries").mockResolvedValue();
  const write = cacheWriter(client);
  for (const sequence of [2, 2, 1]) {
    write({ kind: "event", event: event("video", sequence) });
    vi.advanceTimersByTime(2_000);
  }
  expect(reads.mock.calls.length).toBe(1);
});

const progress = (state: string) =>
  ({ video_id: "video", state, progress: 0.9, playable: true }) as JobProgress;

test("progress that comes late does not bring an end back to running", () => {
  const client = new QueryClient();
  const reads = vi.spyOn(client, "invalidateQueries").mockResolvedValue();
  const write = cacheWriter(client);
  const stateNow = () => client.getQueryData<Video>(keys.video("video"))?.state;
  client.setQueryData(keys.video("video"), { id: "video", state: "running", poster_url: "p" });
  write({ kind: "progress", progress: progress("running") });
  expect(stateNow()).toBe("running");
  const ready = { id: "video", state: "ready", poster_url: "p" };
  const event = { type: "video.ready", sequence: 3, data: ready } as unknown as VideoEvent;
  write({ kind: "event", event });
  write({ kind: "progress", progress: progress("running") });
  expect(stateNow()).toBe("ready");
  // It may be encoded once more: the video is read.
  expect(reads).toHaveBeenCalledWith({ queryKey: keys.video("video") });
});

test("an answer that was asked for before an event does not undo it", async () => {
  vi.useRealTimers();
  const client = new QueryClient();
  const queryKey = keys.video("video");
  client.setQueryData(queryKey, { id: "video", state: "running" });
  let answer: (video: object) => void = () => undefined;
  const queryFn = () => new Promise<object>((resolve) => (answer = resolve));
  const asked = client.fetchQuery({ queryKey, queryFn }).catch(() => undefined);
  const data = { id: "video", state: "ready" };
  const event = { type: "video.ready", sequence: 1, data } as unknown as VideoEvent;
  cacheWriter(client)({ kind: "event", event });
  answer({ id: "video", state: "running" });
  await asked;
  expect(client.getQueryData<Video>(queryKey)?.state).toBe("ready");
});
