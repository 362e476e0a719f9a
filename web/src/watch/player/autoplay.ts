// Plays with sound if the browser lets it, and else without, with a button for the sound.

import { watch as text } from "../../text/watch";
import { rememberVolume } from "./remember";
import type { Player } from "./videojs";

/** Begins to play. Calls `onAsked` once, when it does. */
export function autoplay(player: Player): void {
  player.ready(async () => {
    try {
      await player.play();
    } catch {
      if (player.isDisposed()) return;
      await playMuted(player);
    }
    if (!player.isDisposed()) rememberVolume(player);
  });
}

async function playMuted(player: Player): Promise<void> {
  const wasMuted = player.muted();
  player.muted(true);
  try {
    await player.play();
    if (!wasMuted) offerSound(player);
  } catch {
    // Not even that: the big button is there.
    if (!player.isDisposed()) player.muted(wasMuted ?? false);
  }
}

function offerSound(player: Player): void {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "ladderd-unmute";
  button.dataset.testid = "unmute";
  button.textContent = text.unmute;
  const end = () => {
    if (!player.muted()) button.remove();
  };
  button.addEventListener("click", () => {
    player.muted(false);
    button.remove();
    player.el().querySelector<HTMLElement>(".vjs-play-control")?.focus();
  });
  player.on("volumechange", end);
  player.el().append(button);
}
