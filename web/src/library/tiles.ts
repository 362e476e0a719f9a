// The tiles of a storyboard.

export interface Tile {
  sheet: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

const MAX_TILES = 24;

/** The tile that a cue names, such as `storyboard_000.jpg#xywh=160,0,160,90`. */
export function tileOf(text: string, url: string): Tile | null {
  const sheet = new URL(text.trim(), url);
  const place = /^#xywh=(\d+),(\d+),(\d+),(\d+)$/.exec(sheet.hash);
  if (!place) return null;
  const [x = 0, y = 0, width = 0, height = 0] = place.slice(1).map(Number);
  sheet.hash = "";
  return { sheet: sheet.href, x, y, width, height };
}

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
