// A tile of a storyboard: a rectangle of a sheet.

export interface Tile {
  sheet: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

/** The tile that a cue names, such as `storyboard_000.jpg#xywh=160,0,160,90`. */
export function tileOf(text: string, url: string): Tile | null {
  const sheet = new URL(text.trim(), url);
  const place = /^#xywh=(\d+),(\d+),(\d+),(\d+)$/.exec(sheet.hash);
  if (!place) return null;
  const [x = 0, y = 0, width = 0, height = 0] = place.slice(1).map(Number);
  sheet.hash = "";
  return { sheet: sheet.href, x, y, width, height };
}
