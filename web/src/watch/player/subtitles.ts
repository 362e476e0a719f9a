// Subtitles that come to a stream at its end: the player has read the list of its tracks before, and plays on.

import { restoreCaptions } from "./captions";
import { readSubtitles, readText } from "./readBack";
import { type Player, type Track, tracksOf } from "./videojs";
import { readCues } from "./webvtt";

interface WithCues {
  addCue(cue: VTTCue): void;
}

/** Adds the subtitles of a stream that the player does not know yet. */
export async function addMissingSubtitles(player: Player, mainUrl: string): Promise<void> {
  try {
    for (const { name, language, url } of await readSubtitles(mainUrl)) {
      if (player.isDisposed()) return;
      if (isKnown(player, name, language)) continue;
      const text = await readText(url);
      if (text !== null) await add(player, name, language, text);
    }
    if (!player.isDisposed()) restoreCaptions(player);
  } catch (reason) {
    // Nobody misses them who has not seen them; they are there after a reload.
    console.warn(reason);
  }
}

function isKnown(player: Player, name: string, language: string): boolean {
  const tracks = Array.from(tracksOf(player) as unknown as ArrayLike<Track>);
  return tracks.some((track) => track.label === name && track.language === language);
}

async function add(player: Player, name: string, language: string, text: string): Promise<void> {
  const file = URL.createObjectURL(new Blob([text], { type: "text/vtt" }));
  try {
    const cues = await readCues(file);
    if (player.isDisposed()) return;
    const track = player.addTextTrack("subtitles", name, language) as WithCues | undefined;
    for (const cue of cues) track?.addCue(cue);
  } finally {
    URL.revokeObjectURL(file);
  }
}
