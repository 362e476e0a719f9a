// Measures how a player plays, and sends one beacon at the end.

import { advance, type Beacon, beaconOf, freshQoe, type Qoe, type QoeEvent } from "./qoe";
import { currentLevel, levelsOf, type Player } from "./videojs";

const BEACONS = "/v1/beacons";

type Kind = Exclude<QoeEvent["kind"], "rate">;

const EVENTS: Record<string, Kind> = {
  play: "asked",
  playing: "playing",
  pause: "stopped",
  ended: "stopped",
  seeking: "seeking",
  waiting: "waiting",
  error: "error",
};

/** Measures from now on. The result tells the state of the moment. */
export function addMeter(player: Player): () => Qoe {
  let qoe = freshQoe(performance.now());
  const tell = (kind: Kind) => {
    qoe = advance(qoe, { kind, at: performance.now() });
  };
  for (const [name, kind] of Object.entries(EVENTS)) player.on(name, () => tell(kind));
  player.on("timeupdate", () => {
    // "playing" does not follow every "seeking" or "waiting".
    const isStuck = player.paused() || player.seeking() || (player.readyState() ?? 0) < 3;
    if (!isStuck && qoe.phase !== "playing" && qoe.phase !== "idle") tell("playing");
  });
  const levels = levelsOf(player);
  const change = () => {
    const bps = currentLevel(player)?.bitrate;
    if (bps) qoe = advance(qoe, { kind: "rate", at: performance.now(), bps });
  };
  levels.on("change", change);
  player.on("dispose", () => levels.off("change", change));
  return () => qoe;
}

/** Frames that were dropped, or null if the browser does not tell. */
export function droppedFrames(player: Player): number | null {
  const video = player.el()?.querySelector("video");
  return video?.getVideoPlaybackQuality?.().droppedVideoFrames ?? null;
}

/** Sends a beacon once: when the page is hidden or left, or the player goes. It has no cookie and no video in it. */
export function sendBeaconAtEnd(player: Player, read: () => Qoe, of: Beacon["player"]): void {
  let isSent = false;
  const send = () => {
    if (isSent) return;
    const beacon = beaconOf(read(), performance.now(), of, droppedFrames(player));
    if (!beacon) return;
    isSent = navigator.sendBeacon(
      BEACONS,
      new Blob([JSON.stringify(beacon)], { type: "application/json" }),
    );
  };
  const onHidden = () => {
    if (document.visibilityState === "hidden") send();
  };
  addEventListener("pagehide", send);
  document.addEventListener("visibilitychange", onHidden);
  player.on("dispose", () => {
    send();
    removeEventListener("pagehide", send);
    document.removeEventListener("visibilitychange", onHidden);
  });
}
