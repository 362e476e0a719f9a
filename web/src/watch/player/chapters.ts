// The chapters of a video in the player's menu.

import type Player from "video.js/dist/types/player";
import { readCues } from "./webvtt";

// A text track of Video.js, as far as it is used: its own types have no cues.
interface Track {
  addCue(cue: VTTCue): void;
}

// The button that opens the menu.
interface Menu {
  update(): void;
}

// Shows the chapters as soon as they are read. Returns what gives it up.
export function showChapters(player: Player, url: string): () => void {
  let givenUp = false;
  const show = (cues: VTTCue[]) => {
    if (givenUp || player.isDisposed()) return;
    const track = player.addTextTrack("chapters", "Chapters") as Track | undefined;
    // The menu shows the text as it stands, so escapes are resolved before.
    for (const { startTime, endTime, text } of cues) {
      track?.addCue(new VTTCue(startTime, endTime, plainText(text)));
    }
    // The menu was made of the track without cues.
    const button = player.getChild("ControlBar")?.getChild("ChaptersButton");
    (button as Menu | undefined)?.update();
  };
  readCues(url).then(show, (reason) => console.warn(reason));
  return () => {
    givenUp = true;
  };
}

// Cue text without escapes.
function plainText(text: string): string {
  return new VTTCue(0, 0, text).getCueAsHTML().textContent ?? "";
}
