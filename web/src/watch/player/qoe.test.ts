import { expect, test } from "vitest";
import { advance, beaconOf, freshQoe, type QoeEvent } from "./qoe";

const after = (events: QoeEvent[]) => events.reduce(advance, freshQoe(0));

test("startup is the time from the wish to play to the first frame", () => {
  const qoe = after([
    { kind: "asked", at: 100 },
    { kind: "waiting", at: 150 },
    { kind: "playing", at: 700 },
  ]);
  expect(qoe).toMatchObject({ startupMs: 600, rebuffers: 0, rebufferMs: 0, watchedMs: 0 });
});

test("time is watched while it plays, and no stall is counted for a seek or a pause", () => {
  const qoe = after([
    { kind: "asked", at: 0 },
    { kind: "playing", at: 500 },
    { kind: "stopped", at: 2500 },
    { kind: "playing", at: 9000 },
    { kind: "seeking", at: 10_000 },
    { kind: "waiting", at: 10_001 },
    { kind: "playing", at: 11_000 },
    { kind: "stopped", at: 12_000 },
  ]);
  expect(qoe).toMatchObject({ startupMs: 500, watchedMs: 4000, rebufferMs: 0, rebuffers: 0 });
});

test("a stall counts until it plays again", () => {
  const qoe = after([
    { kind: "asked", at: 0 },
    { kind: "playing", at: 100 },
    { kind: "waiting", at: 1100 },
    { kind: "waiting", at: 1200 },
    { kind: "playing", at: 1600 },
  ]);
  expect(qoe).toMatchObject({ watchedMs: 1000, rebufferMs: 500, rebuffers: 1 });
});

test("the mean rate is weighted by time, and each change is a switch", () => {
  const qoe = after([
    { kind: "asked", at: 0 },
    { kind: "rate", at: 0, bps: 1_000_000 },
    { kind: "playing", at: 100 },
    { kind: "rate", at: 1100, bps: 1_000_000 },
    { kind: "rate", at: 3100, bps: 4_000_000 },
  ]);
  expect(qoe.switches).toBe(1);
  expect(beaconOf(qoe, 4100, "page", 3)).toEqual({
    player: "page",
    startup_ms: 100,
    watched_ms: 4000,
    rebuffer_ms: 0,
    rebuffers: 0,
    errors: 0,
    switches: 1,
    mean_bps: 1_750_000,
    dropped_frames: 3,
  });
});

test("a video that nobody watched sends nothing, unless it failed", () => {
  expect(beaconOf(freshQoe(0), 5000, "embed", null)).toBeNull();
  expect(beaconOf(after([{ kind: "asked", at: 0 }]), 5000, "embed", null)).toBeNull();
  const failed = after([
    { kind: "asked", at: 0 },
    { kind: "error", at: 100 },
  ]);
  expect(beaconOf(failed, 200, "embed", null)).toEqual({
    player: "embed",
    watched_ms: 0,
    rebuffer_ms: 0,
    rebuffers: 0,
    errors: 1,
    switches: 0,
  });
});

test("a clock that goes back counts nothing", () => {
  const qoe = after([
    { kind: "asked", at: 1000 },
    { kind: "playing", at: 500 },
    { kind: "stopped", at: 1500 },
  ]);
  expect(qoe).toMatchObject({ startupMs: 0, watchedMs: 500 });
});
