// Changes of many videos in the cache at once.

import type { InfiniteData, QueryClient } from "@tanstack/react-query";
import { updateVideos } from "../api/cache";
import { keys } from "../api/queries";
import type { Video, VideoList } from "../api/types";

type Change = (video: Video) => Video;

/** Changes videos wherever they are shown, before the server has answered. Returns what takes it back. */
export async function changeNow(
  client: QueryClient,
  videos: readonly Video[],
  change: Change,
): Promise<(ids?: ReadonlySet<string>) => void> {
  // Answers that are on their way do not know of the change.
  await client.cancelQueries({ queryKey: keys.videos });
  const before = new Map(videos.map((video) => [video.id, current(client, video)]));
  updateVideos(client, new Set(before.keys()), change);
  return (ids = new Set(before.keys())) =>
    updateVideos(client, ids, (now) => before.get(now.id) ?? now);
}

/** Writes videos as the server has answered them. */
export function writeAnswers(client: QueryClient, answers: readonly Video[]): void {
  const byId = new Map(answers.map((video) => [video.id, video]));
  updateVideos(client, new Set(byId.keys()), (video) => byId.get(video.id) ?? video);
}

/** Reads the lists again, for what they have not in memory. */
export const readAgain = (client: QueryClient) =>
  void client.invalidateQueries({ queryKey: keys.videos });

function current(client: QueryClient, video: Video): Video {
  const lists = client.getQueriesData<InfiniteData<VideoList>>({ queryKey: keys.videos });
  for (const [, list] of lists) {
    for (const page of list?.pages ?? []) {
      const found = page.videos.find(({ id }) => id === video.id);
      if (found) return found;
    }
  }
  return video;
}
