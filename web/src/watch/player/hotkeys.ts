// Carries out the keys of the player.

import { watch as text } from "../../text/watch";
import { clock } from "../../ui/format";
import { addBezel, type Bezel } from "./bezel";
import { toggleCaptions } from "./captions";
import { showHelp } from "./help";
import { type Action, actionOf, focusOf } from "./keyboard";
import { currentSecs, durationSecs, type Player, techOf } from "./videojs";

export const RATES = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2];

// One frame at 25 fps; the player does not know the real rate.
const FRAME_SECS = 0.04;

interface Options {
  toggleStats: () => void;
}

/** Listens to the keys of the whole page until the player goes. */
export function addHotkeys(player: Player, { toggleStats }: Options): void {
  const bezel = addBezel(player);
  const onKey = (event: KeyboardEvent) => {
    if (event.defaultPrevented || player.isDisposed()) return;
    const action = actionOf({
      key: event.key,
      hasModifier: event.ctrlKey || event.metaKey || event.altKey,
      focus: focusOf(event.target, player.el()),
    });
    if (!action) return;
    event.preventDefault();
    player.userActive(true);
    act(player, action, bezel, toggleStats);
  };
  document.addEventListener("keydown", onKey);
  player.on("dispose", () => document.removeEventListener("keydown", onKey));
}

function act(player: Player, action: Action, bezel: Bezel, toggleStats: () => void): void {
  switch (action.kind) {
    case "toggle":
      // A pause that comes before the first frame refuses the wish to play.
      if (player.paused()) player.play()?.catch(() => undefined);
      else player.pause();
      return;
    case "skip":
      seek(player, currentSecs(player) + action.secs);
      bezel.show(action.secs > 0 ? text.forward(action.secs) : text.back(-action.secs));
      return;
    case "seek":
      seek(player, durationSecs(player) * action.share);
      bezel.show(clock(currentSecs(player)));
      return;
    case "frame":
      if (player.paused()) seek(player, currentSecs(player) + action.by * FRAME_SECS);
      return;
    case "volume":
      player.muted(false);
      player.volume(Math.min(1, Math.max(0, (player.volume() ?? 1) + action.by)));
      bezel.show(text.volume(Math.round((player.volume() ?? 1) * 100)));
      return;
    case "mute":
      player.muted(!player.muted());
      bezel.show(player.muted() ? text.muted : text.soundOn);
      return;
    case "rate": {
      // The player's own answer is that of a moment ago.
      const rate = nextRate(techOf(player).playbackRate(), action.by);
      player.playbackRate(rate);
      bezel.show(text.rate(rate));
      return;
    }
    case "captions": {
      const label = toggleCaptions(player);
      bezel.show(label === null ? text.noCaptions : text.captionsAre(label));
      return;
    }
    case "fullscreen":
      // Refused where the browser has none, or before anybody has clicked.
      if (player.isFullscreen()) player.exitFullscreen()?.catch(() => undefined);
      else player.requestFullscreen()?.catch(() => undefined);
      return;
    case "pip":
      togglePictureInPicture(player);
      return;
    case "help":
      showHelp(player);
      return;
    case "stats":
      toggleStats();
      return;
  }
}

function seek(player: Player, secs: number): void {
  if (Number.isFinite(secs)) player.currentTime(Math.min(durationSecs(player), Math.max(0, secs)));
}

/** The next faster or slower speed of the menu. */
export function nextRate(rate: number, by: 1 | -1): number {
  const further = by > 0 ? RATES.filter((one) => one > rate) : RATES.filter((one) => one < rate);
  return further.at(by > 0 ? 0 : -1) ?? rate;
}

function togglePictureInPicture(player: Player): void {
  // Refused where the browser has none, or before the first frame.
  if (player.isInPictureInPicture()) void player.exitPictureInPicture()?.catch(() => undefined);
  else void player.requestPictureInPicture()?.catch(() => undefined);
}
