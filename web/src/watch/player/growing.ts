// A stream that still grows is a film, not a live broadcast: it begins at its beginning, its bar is as long as the
// film, and it becomes a finished stream while it plays.
//
// Video.js takes it for a live stream: of no duration, and with its end as the place to begin.

import { type Player, techOf, videojs } from "./videojs";

// Media behind the newest segment, so that a seek there has something to play.
const EDGE_SECS = 1;
// A seek to the live edge that was missed is further from the beginning than this.
const NEAR_SECS = 1;

interface Growth {
  durationSecs: number | null;
  startSecs: number;
}

const growths = new WeakMap<Player, Growth>();

export const isGrowing = (player: Player) =>
  techOf(player)?.duration() === Number.POSITIVE_INFINITY;

const seekableEnd = (player: Player) => {
  const ranges = player.seekable();
  return ranges.length > 0 ? ranges.end(ranges.length - 1) : 0;
};

videojs.use("*", (player: Player) => ({
  setSource: (source: object, next: (error: null, source: object) => void) => next(null, source),
  // All that shows a duration asks here.
  duration: (secs: number) => {
    if (secs !== Number.POSITIVE_INFINITY) return secs;
    return growths.get(player)?.durationSecs ?? (seekableEnd(player) || secs);
  },
  setCurrentTime: (secs: number) => {
    if (!isGrowing(player)) return secs;
    return Math.min(secs, Math.max(0, seekableEnd(player) - EDGE_SECS));
  },
}));

/** Begins at `startSecs`, whether the stream grows or not. */
export function beginAt(player: Player, startSecs: number, known: number | null): void {
  growths.set(player, { durationSecs: known, startSecs });
  player.one("xhr-hooks-ready", () => redirectFirstSeek(player, startSecs));
  player.one("loadedmetadata", () => {
    if (!isGrowing(player) && startSecs > 0) player.currentTime(startSecs);
  });
  player.one("playing", () => {
    if (isGrowing(player) && (player.currentTime() ?? 0) > startSecs + NEAR_SECS) {
      player.currentTime(startSecs);
    }
  });
}

/** Tells how long the film is, once that is known. */
export function setKnownDuration(player: Player, secs: number | null): void {
  const growth = growths.get(player);
  if (growth) growth.durationSecs = secs;
}

// The engine's first seek is the one to the live edge. What it would load there is not wanted.
function redirectFirstSeek(player: Player, startSecs: number): void {
  const tech = techOf(player);
  const seek = tech.setCurrentTime.bind(tech);
  tech.setCurrentTime = (secs) => {
    tech.setCurrentTime = seek;
    seek(isGrowing(player) ? Math.min(secs, startSecs) : secs);
  };
}
