import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { type Tile, tileOf } from "../ui/tile";
import { thin, tileStyle } from "./tiles";

const STEP_MS = 450;

interface Sheet {
  width: number;
  height: number;
}

interface Storyboard {
  tiles: Tile[];
  sheets: Map<string, Sheet>;
}

/** The tile of a storyboard that is shown now, and its share of the whole; changes while `isPlaying`. */
export function useHoverTiles(url: string | undefined, isPlaying: boolean) {
  const { data } = useQuery({
    queryKey: ["storyboard", url],
    queryFn: () => readStoryboard(url ?? ""),
    enabled: isPlaying && url !== undefined,
    staleTime: Number.POSITIVE_INFINITY,
    // Nobody misses a storyboard.
    retry: false,
    placeholderData: () => undefined,
  });
  const [step, setStep] = useState(0);
  useEffect(() => {
    if (!isPlaying || !data) return;
    setStep(0);
    const timer = setInterval(() => setStep((now) => now + 1), STEP_MS);
    return () => clearInterval(timer);
  }, [isPlaying, data]);

  if (!isPlaying || !data) return null;
  const at = step % data.tiles.length;
  const tile = data.tiles[at];
  const sheet = tile && data.sheets.get(tile.sheet);
  if (!tile || !sheet) return null;
  const style = tileStyle(tile, sheet.width, sheet.height);
  return { style, share: (at + 1) / data.tiles.length };
}

async function readStoryboard(url: string): Promise<Storyboard> {
  const { readCues } = await import("../watch/player/webvtt");
  const cues = await readCues(url);
  const tiles = thin(cues.map((cue) => tileOf(cue.text, url)).filter((tile) => tile !== null));
  if (tiles.length === 0) throw new Error(`${url} has no thumbnails.`);
  const names = [...new Set(tiles.map(({ sheet }) => sheet))];
  const sheets = await Promise.all(names.map(async (name) => [name, await sizeOf(name)] as const));
  return { tiles, sheets: new Map(sheets) };
}

async function sizeOf(url: string): Promise<Sheet> {
  const image = new Image();
  image.src = url;
  await image.decode();
  return { width: image.naturalWidth, height: image.naturalHeight };
}
