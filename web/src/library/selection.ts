// Which videos are selected.

import type { Video } from "../api/types";

export interface Selection {
  /** As they were when they were selected. */
  videos: ReadonlyMap<string, Video>;
  /** Where a range begins. */
  anchor: string | null;
}

export const NOTHING: Selection = { videos: new Map(), anchor: null };

/** Selects a video, or takes it out. */
export function toggle(selection: Selection, video: Video): Selection {
  const videos = new Map(selection.videos);
  if (!videos.delete(video.id)) videos.set(video.id, video);
  return { videos, anchor: video.id };
}

/** Selects all from the anchor to this video as well. */
export function extend(selection: Selection, video: Video, list: Video[]): Selection {
  const to = list.findIndex(({ id }) => id === video.id);
  const anchor = list.findIndex(({ id }) => id === selection.anchor);
  const from = anchor < 0 ? to : anchor;
  const range = list.slice(Math.min(from, to), Math.max(from, to) + 1);
  const videos = new Map(selection.videos);
  for (const one of range) videos.set(one.id, one);
  return { videos, anchor: list[from]?.id ?? video.id };
}

export function selectAll(selection: Selection, list: Video[]): Selection {
  return { ...selection, videos: new Map(list.map((video) => [video.id, video])) };
}

/** Without these. */
export function without(selection: Selection, ids: ReadonlySet<string>): Selection {
  const videos = new Map([...selection.videos].filter(([id]) => !ids.has(id)));
  return videos.size === selection.videos.size ? selection : { ...selection, videos };
}
