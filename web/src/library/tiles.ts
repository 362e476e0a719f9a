// The tiles of a storyboard, as a card shows them.

import type { Tile } from "../ui/tile";

const MAX_TILES = 24;

/** So many of them that a round takes a few seconds, at equal distances. */
export function thin<T>(tiles: T[], most = MAX_TILES): T[] {
  if (tiles.length <= most) return tiles;
  return Array.from({ length: most }, (_, n) =>
    tiles.at(Math.floor((n * tiles.length) / most)),
  ).filter((tile) => tile !== undefined);
}

/** CSS that shows a tile over the whole of its box. */
export function tileStyle(tile: Tile, sheetWidth: number, sheetHeight: number) {
  const part = (at: number, size: number, whole: number) =>
    whole > size ? `${(at / (whole - size)) * 100}%` : "0";
  return {
    backgroundImage: `url("${tile.sheet}")`,
    backgroundSize: `${(sheetWidth / tile.width) * 100}% ${(sheetHeight / tile.height) * 100}%`,
    backgroundPosition: `${part(tile.x, tile.width, sheetWidth)} ${part(tile.y, tile.height, sheetHeight)}`,
    aspectRatio: `${tile.width} / ${tile.height}`,
  };
}
