// Captions: one key to turn them on and off, and the choice is remembered.

import { readSettings, writeSettings } from "./memory";
import { type Player, type Track, techOf, tracksOf } from "./videojs";

const OFF = "off";
const PAUSED_MS = 250;

function captionsOf(player: Player): Track[] {
  const tracks = Array.from(tracksOf(player) as unknown as ArrayLike<Track>);
  return tracks.filter(({ kind }) => kind === "subtitles" || kind === "captions");
}

const shown = (player: Player) => captionsOf(player).find(({ mode }) => mode === "showing");

function show(player: Player, language: string): boolean {
  const captions = captionsOf(player);
  const wanted = captions.find((track) => track.language === language);
  if (language !== OFF && !wanted) return false;
  for (const track of captions) track.mode = track === wanted ? "showing" : "disabled";
  return true;
}

/** Turns captions on or off. Returns the label of the captions that show, "" for none, or null if there are none. */
export function toggleCaptions(player: Player): string | null {
  const captions = captionsOf(player);
  const [first] = captions;
  if (!first) return null;
  if (shown(player)) {
    show(player, OFF);
    return "";
  }
  const kept = readSettings().captions;
  if (!kept || kept === OFF || !show(player, kept)) show(player, first.language);
  return shown(player)?.label ?? "";
}

// Video.js looks for cues when time passes, which it does not while the video is paused.
function showWhilePaused(player: Player): void {
  const timer = setInterval(() => {
    if (player.isDisposed() || !player.paused() || !shown(player)) return;
    techOf(player).trigger("timeupdate");
  }, PAUSED_MS);
  player.on("dispose", () => clearInterval(timer));
}

/** Shows the captions that were chosen before, if they are there. */
export function restoreCaptions(player: Player): void {
  const { captions } = readSettings();
  if (captions) show(player, captions);
}

/** Shows the captions that were chosen before, and remembers those that are chosen now. */
export function rememberCaptions(player: Player): void {
  const restore = () => restoreCaptions(player);
  // Changes before it plays are the player's doing, not a choice.
  const keep = () => writeSettings({ captions: shown(player)?.language || OFF });
  const tracks = tracksOf(player);
  showWhilePaused(player);
  player.one("loadedmetadata", restore);
  player.one("playing", () => {
    restore();
    tracks.addEventListener("change", keep);
  });
  player.on("dispose", () => tracks.removeEventListener("change", keep));
}
