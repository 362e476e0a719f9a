// Volume, speed and the place in the video are remembered in this browser.

import { readSettings, writePlace, writeSettings } from "./memory";
import { currentSecs, durationSecs, type Player } from "./videojs";

const EVERY_MS = 3_000;

/** Restores volume and speed, and keeps them and the place from now on. */
export function remember(player: Player, id: string, isMuted: boolean): void {
  const settings = readSettings();
  player.volume(settings.volume);
  player.muted(isMuted || settings.isMuted);
  player.one("loadedmetadata", () => player.playbackRate(settings.rate));
  player.on("ratechange", () => {
    // A new source sets it back for a moment.
    if (player.readyState() > 0) writeSettings({ rate: player.playbackRate() ?? 1 });
  });

  let savedAt = 0;
  const save = () => {
    if (player.isDisposed() || !player.hasStarted_) return;
    savedAt = Date.now();
    writePlace(id, currentSecs(player), durationSecs(player));
  };
  player.on("timeupdate", () => {
    if (Date.now() - savedAt > EVERY_MS) save();
  });
  player.on(["pause", "seeked", "ended"], save);
  addEventListener("pagehide", save);
  player.on("dispose", () => {
    save();
    removeEventListener("pagehide", save);
  });
}

/** Keeps what somebody chose as volume. A page that was muted by the browser's policy has chosen nothing. */
export function rememberVolume(player: Player): void {
  player.on("volumechange", () => {
    writeSettings({ volume: player.volume() ?? 1, isMuted: player.muted() ?? false });
  });
}
