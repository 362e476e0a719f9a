// Asks for what the first view shows, while it is not known yet who asks: answers to strangers are refusals.

import type { QueryClient } from "@tanstack/react-query";
import { preload } from "react-dom";
import { videoQuery } from "../api/queries";

const WATCH = /^\/watch\/([^/]+)$/;

export function prefetch(client: QueryClient): void {
  const id = WATCH.exec(location.pathname)?.[1];
  // A link that signs in does that first.
  if (id && location.hash === "") void prefetchVideo(client, decodeURIComponent(id));
}

async function prefetchVideo(client: QueryClient, id: string): Promise<void> {
  const query = videoQuery(id);
  await client.prefetchQuery(query);
  const video = client.getQueryData(query.queryKey);
  // The poster of a private video needs a token.
  if (!video?.playable || !video.poster_url || video.visibility === "private") return;
  preload(video.poster_url, { as: "image", fetchPriority: "high" });
}
