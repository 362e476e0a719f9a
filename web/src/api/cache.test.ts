import { QueryClient } from "@tanstack/react-query";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { VideoEvent } from "./types";

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
