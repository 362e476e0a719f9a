// Writes live events into the cache of the views.

import type { InfiniteData, QueryClient } from "@tanstack/react-query";
import type { Live } from "./live";
import { keys } from "./queries";
import type { JobProgress, Video, VideoEvent, VideoList } from "./types";

const RELOAD_MS = 1_000;

/** Returns what applies one live message. Lists are read again a second after a change, once for many. */
export function cacheWriter(client: QueryClient): (live: Live) => void {
  const sequences = new Map<string, number>();
  let reload: ReturnType<typeof setTimeout> | undefined;
  const reloadLists = () => {
    // One that is due is not put off: changes may come all the time.
    if (reload !== undefined) return;
    reload = setTimeout(() => {
      reload = undefined;
      void client.invalidateQueries({ queryKey: keys.videos });
    }, RELOAD_MS);
  };
  let wasOpened = false;
  return (live) => {
    switch (live.kind) {
      case "event":
        if (!isNewer(sequences, live.event)) return;
        applyEvent(client, live.event);
        reloadLists();
        return;
      case "progress":
        applyProgress(client, live.progress);
        return;
      case "opened":
        // The views were read before the first stream began, or before this one broke off.
        if (wasOpened) void client.invalidateQueries();
        wasOpened = true;
        return;
      case "lost":
        return;
    }
  };
}

// Events may come twice, and out of order from several boxes.
function isNewer(sequences: Map<string, number>, event: VideoEvent): boolean {
  const id = event.data.id;
  const newest = sequences.get(id) ?? 0;
  if (event.sequence <= newest) return false;
  sequences.set(id, event.sequence);
  return true;
}

function applyEvent(client: QueryClient, event: VideoEvent): void {
  const id = event.data.id;
  dropAnswers(client, id);
  if (event.type === "video.deleted") {
    updateVideo(client, id, (video) => ({ ...video, state: "deleting", playable: false }));
    // Until when it can be restored is in the video alone.
    void client.invalidateQueries({ queryKey: keys.video(id) });
    return;
  }
  updateVideo(client, id, () => event.data);
}

// An answer that is on its way may be older than the event.
function dropAnswers(client: QueryClient, id: string): void {
  const queryKey = keys.video(id);
  if (client.getQueryData(queryKey) === undefined) return;
  void client.cancelQueries({ queryKey, exact: true }, { revert: false });
}

const hasEnded = (state: string) => ["ready", "failed", "deleting"].includes(state);

function applyProgress(client: QueryClient, job: JobProgress): void {
  let isDoubtful = false;
  updateVideo(client, job.video_id, (video) => {
    // Either it is late, or the video is encoded once more: only the video itself tells.
    if (hasEnded(video.state) && !hasEnded(job.state)) {
      isDoubtful = true;
      return video;
    }
    return {
      ...video,
      state: job.state as Video["state"],
      progress: job.progress,
      playable: job.playable || video.playable,
      speed: job.speed ?? null,
      eta_secs: job.eta_secs ?? null,
    };
  });
  if (isDoubtful) void client.invalidateQueries({ queryKey: keys.video(job.video_id) });
  const shown = client.getQueryData<Video>(keys.video(job.video_id));
  // Its URLs, renditions and poster are not in the progress.
  if (shown && job.playable && !shown.poster_url) {
    void client.invalidateQueries({ queryKey: keys.video(job.video_id) });
  }
}

/** Changes a video wherever it is shown: alone and in lists. */
export function updateVideo(
  client: QueryClient,
  id: string,
  change: (video: Video) => Video,
): void {
  updateVideos(client, new Set([id]), change);
}

/** Changes several videos. */
export function updateVideos(
  client: QueryClient,
  ids: ReadonlySet<string>,
  change: (video: Video) => Video,
): void {
  for (const id of ids) {
    client.setQueryData<Video>(keys.video(id), (video) => (video ? change(video) : video));
  }
  const isOne = (video: Video) => ids.has(video.id);
  client.setQueriesData<InfiniteData<VideoList>>({ queryKey: keys.videos }, (lists) => {
    if (!lists?.pages.some((page) => page.videos.some(isOne))) return lists;
    const pages = lists.pages.map((page) =>
      page.videos.some(isOne)
        ? { ...page, videos: page.videos.map((video) => (isOne(video) ? change(video) : video)) }
        : page,
    );
    return { ...lists, pages };
  });
}
