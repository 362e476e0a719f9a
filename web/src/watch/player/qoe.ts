// How well a video played: what the stats show, and what one beacon tells the server at the end.

/** Something that happened to a player. Times are milliseconds of one clock. */
export type QoeEvent =
  | { kind: "asked"; at: number }
  | { kind: "playing"; at: number }
  | { kind: "stopped"; at: number }
  | { kind: "seeking"; at: number }
  | { kind: "waiting"; at: number }
  | { kind: "error"; at: number }
  | { kind: "rate"; at: number; bps: number };

export interface Qoe {
  phase: "idle" | "starting" | "playing" | "stopped" | "seeking" | "waiting";
  /** Time of the last event. */
  at: number;
  startupMs: number | null;
  watchedMs: number;
  rebufferMs: number;
  rebuffers: number;
  errors: number;
  switches: number;
  bps: number | null;
  /** Bits that were played, for the mean rate, and how long their rate was known. */
  bits: number;
  ratedMs: number;
}

/** Body of `POST /v1/beacons`. */
export interface Beacon {
  player: "page" | "embed";
  startup_ms?: number;
  watched_ms: number;
  rebuffer_ms: number;
  rebuffers: number;
  errors: number;
  mean_bps?: number;
  dropped_frames?: number;
  switches?: number;
}

export const freshQoe = (at: number): Qoe => ({
  phase: "idle",
  at,
  startupMs: null,
  watchedMs: 0,
  rebufferMs: 0,
  rebuffers: 0,
  errors: 0,
  switches: 0,
  bps: null,
  bits: 0,
  ratedMs: 0,
});

/** The state after an event. */
export function advance(qoe: Qoe, event: QoeEvent): Qoe {
  const next = pass(qoe, event.at);
  switch (event.kind) {
    case "asked":
      return qoe.phase === "idle" ? { ...next, phase: "starting" } : next;
    case "playing":
      // A video that was muted and asked again, or that plays without having been asked, starts at once.
      if (next.startupMs === null && qoe.phase === "idle") next.startupMs = 0;
      return { ...next, phase: "playing" };
    case "stopped":
      return hasStarted(qoe) ? { ...next, phase: "stopped" } : next;
    case "seeking":
      return hasStarted(qoe) ? { ...next, phase: "seeking" } : next;
    case "waiting":
      // Waiting for the first frame is startup, and waiting after a seek is no stall.
      if (qoe.phase !== "playing") return next;
      return { ...next, phase: "waiting", rebuffers: next.rebuffers + 1 };
    case "error":
      return { ...next, errors: next.errors + 1 };
    case "rate": {
      const isSwitch = qoe.bps !== null && qoe.bps !== event.bps;
      return { ...next, bps: event.bps, switches: next.switches + (isSwitch ? 1 : 0) };
    }
  }
}

const hasStarted = (qoe: Qoe) => qoe.phase !== "idle" && qoe.phase !== "starting";

// Counts the time since the last event into the phase that it was spent in.
function pass(qoe: Qoe, at: number): Qoe {
  const spent = Math.max(0, at - qoe.at);
  const next = { ...qoe, at: Math.max(at, qoe.at) };
  if (qoe.phase === "starting") next.startupMs = (qoe.startupMs ?? 0) + spent;
  if (qoe.phase === "waiting") next.rebufferMs += spent;
  if (qoe.phase === "playing") {
    next.watchedMs += spent;
    if (qoe.bps !== null) {
      next.bits += (qoe.bps * spent) / 1000;
      next.ratedMs += spent;
    }
  }
  return next;
}

/** The beacon of a video that ends now, or null if nobody watched it and nothing went wrong. */
export function beaconOf(
  qoe: Qoe,
  at: number,
  player: Beacon["player"],
  droppedFrames: number | null,
): Beacon | null {
  const end = pass(qoe, at);
  if (!hasStarted(end) && end.errors === 0) return null;
  const beacon: Beacon = {
    player,
    watched_ms: Math.round(end.watchedMs),
    rebuffer_ms: Math.round(end.rebufferMs),
    rebuffers: end.rebuffers,
    errors: end.errors,
    switches: end.switches,
  };
  if (hasStarted(end) && end.startupMs !== null) beacon.startup_ms = Math.round(end.startupMs);
  if (end.ratedMs > 0) beacon.mean_bps = Math.round((end.bits / end.ratedMs) * 1000);
  if (droppedFrames !== null) beacon.dropped_frames = droppedFrames;
  return beacon;
}
