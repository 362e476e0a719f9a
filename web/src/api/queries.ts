// The cache of all views: its keys, and the requests behind them.

import { keepPreviousData, QueryClient, queryOptions } from "@tanstack/react-query";
import { ApiError, api, body } from "./client";

export const keys = {
  videos: ["videos"] as const,
  video: (id: string) => ["video", id] as const,
  system: ["system"] as const,
};

export function makeQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        // The event stream keeps what is shown up to date.
        staleTime: 30_000,
        retry: (count, error) => count < 3 && error instanceof ApiError && error.isPassing,
        placeholderData: keepPreviousData,
      },
    },
  });
}

export const videoQuery = (id: string) =>
  queryOptions({
    queryKey: keys.video(id),
    queryFn: ({ signal }) => body(api.GET("/v1/videos/{id}", { params: { path: { id } }, signal })),
    // That of another video is not a stand-in.
    placeholderData: (previous) => (previous?.id === id ? previous : undefined),
  });

export const systemQuery = queryOptions({
  queryKey: keys.system,
  queryFn: ({ signal }) => body(api.GET("/v1/system", { signal })),
  refetchInterval: 5_000,
});
