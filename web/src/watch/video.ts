// Facts that the page derives from a video.

import type { Rendition, Video } from "../api/types";
import type { Tone } from "../ui/Badge";

/** Whether nothing changes any more by itself. */
export function isSettled(video: Video): boolean {
  const isPending = video.text_tracks?.some(({ state }) => state === "pending") ?? false;
  return (video.state === "ready" || video.state === "failed") && !isPending;
}

export function toneOf(state: string): Tone {
  switch (state) {
    case "ready":
      return "good";
    case "failed":
      return "bad";
    case "running":
      return "accent";
    case "waiting":
      return "warn";
    default:
      return "neutral";
  }
}

/** The video's rungs, the largest first. */
export function rungsOf(video: Video): Rendition[] {
  const rungs = video.renditions.filter(({ height }) => height);
  return rungs.sort((a, b) => (b.height ?? 0) - (a.height ?? 0));
}

/** Sizes of the video, such as "900p, 720p, 480p, 360p". */
export const sizesOf = (video: Video): string =>
  video.renditions.flatMap(({ label }) => label ?? []).join(", ");

// Upright videos are shown in a square, very wide ones with bars.
const NARROWEST = 1;
const WIDEST = 2.4;
const USUAL = 16 / 9;

/** Width by height of the place that the player gets, which holds from before it is loaded. */
export function aspectOf(video: Video): number {
  const largest = rungsOf(video)[0];
  if (!largest?.width || !largest.height) return USUAL;
  return Math.min(WIDEST, Math.max(NARROWEST, largest.width / largest.height));
}

/** Seconds between two times, or null if one is missing. */
export function secsBetween(
  from: string | null | undefined,
  to: string | null | undefined,
): number | null {
  if (!from || !to) return null;
  return Math.max(0, (Date.parse(to) - Date.parse(from)) / 1000);
}

/** Size of a rung's file in bytes, as far as its rate tells. */
export function fileBytes(rung: Rendition, durationSecs: number | null | undefined): number | null {
  if (!rung.average_bps || !durationSecs) return null;
  return (rung.average_bps * durationSecs) / 8;
}

/** Tags as somebody typed them. */
export function parseTags(typed: string): string[] {
  const tags = typed.split(",").map((tag) => tag.trim());
  return [...new Set(tags.filter((tag) => tag !== ""))];
}

/** Whether the delete of a video can still be undone. A server may keep nothing of it. */
export const isRestorable = (video: Video, now = Date.now()): boolean =>
  Boolean(video.purge_after) && Date.parse(video.purge_after ?? "") > now;
