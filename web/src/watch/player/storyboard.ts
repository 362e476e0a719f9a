// Thumbnails above the progress bar, from a WebVTT that names a tile of a sheet for each time.

import type Player from "video.js/dist/types/player";
import "videojs-sprite-thumbnails";
import { tileOf } from "../../ui/tile";
import { readCues } from "./webvtt";

// Options of the plugin, which computes the tile of a time by itself.
interface Sprites {
  urlArray: string[];
  width: number;
  height: number;
  columns: number;
  rows: number;
  interval: number;
  downlink: number;
  initOnDemand: boolean;
}

type WithSprites = Player & { spriteThumbnails(sprites: Sprites): void };

// Shows the storyboard as soon as it is read and the film has an end. Returns what gives it up.
export function showStoryboard(player: Player, url: string): () => void {
  let givenUp = false;
  // A film that still grows has no duration, so no place on the bar has a time.
  const show = (sprites: Sprites) => {
    if (givenUp || player.isDisposed()) return;
    if (!Number.isFinite(player.duration() || Infinity)) {
      player.one("durationchange", () => show(sprites));
      return;
    }
    (player as WithSprites).spriteThumbnails(sprites);
  };
  // Nobody misses a storyboard: what goes wrong is left to the console.
  readSprites(url).then(show, (reason) => console.warn(reason));
  return () => {
    givenUp = true;
  };
}

async function readSprites(url: string): Promise<Sprites> {
  const cues = await readCues(url);
  const tiles = cues.map((cue) => {
    const tile = tileOf(cue.text, url);
    if (!tile) throw new Error(`${url} names no tile: ${cue.text}`);
    return tile;
  });
  const [first, cue] = [tiles[0], cues[0]];
  if (!first || !cue) throw new Error(`${url} has no thumbnails.`);
  const sheet = await loadImage(first.sheet);
  return {
    urlArray: [...new Set(tiles.map((tile) => tile.sheet))],
    width: first.width,
    height: first.height,
    // From the image, not from the cues: a sheet may be wider than the few tiles on it.
    columns: Math.round(sheet.naturalWidth / first.width),
    rows: Math.max(...tiles.map((tile) => tile.y / tile.height + 1)),
    interval: cue.endTime - cue.startTime,
    // The sheets are small, and asked for only by those who hover.
    downlink: 0,
    initOnDemand: true,
  };
}

function loadImage(url: string): Promise<HTMLImageElement> {
  const image = new Image();
  return new Promise((resolve, reject) => {
    image.onload = () => resolve(image);
    image.onerror = () => reject(new Error(`${url} cannot be read.`));
    image.src = url;
  });
}
