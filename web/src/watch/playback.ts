import { useQuery } from "@tanstack/react-query";
import { useCallback, useRef } from "react";
import { api, body } from "../api/client";
import type { Video } from "../api/types";
import { renewAfterMs } from "./times";

/** What the player loads. URLs of a private video need the token. */
export interface Playback {
  url: string;
  token: string | null;
  posterUrl: string | null;
  storyboardUrl: string | null;
  chaptersUrl: string | null;
}

interface PlaybackState {
  /** The URLs of a video that plays, or null as long as it does not, or its token is not there. */
  playback: Playback | null;
  error: Error | null;
  /** Asks for a newer token, and tells whether it did: not twice within a while. */
  renew: () => boolean;
}

// A stream that is refused for another reason than an old token is not asked for again and again.
const RENEW_PAUSE_MS = 30_000;

/** The URLs of a video, with a token that is renewed in time. */
export function usePlayback(video: Video): PlaybackState {
  const isPrivate = video.visibility === "private";
  const { id } = video;
  const {
    data: token,
    error,
    refetch,
  } = useQuery({
    queryKey: ["playback-token", id],
    queryFn: () =>
      body(
        api.POST("/v1/videos/{id}/playback-tokens", {
          params: { path: { id } },
          body: { expires_in: null, viewer: null },
        }),
      ),
    enabled: video.playable && isPrivate,
    staleTime: ({ state }) =>
      state.data ? Math.max(0, renewAfterMs(state.data.expires_at, state.dataUpdatedAt)) : 0,
    refetchInterval: ({ state }) =>
      state.data ? renewAfterMs(state.data.expires_at, state.dataUpdatedAt) : false,
    refetchIntervalInBackground: true,
  });
  const renewedAt = useRef(Number.NEGATIVE_INFINITY);
  const renew = useCallback(() => {
    const now = performance.now();
    if (now - renewedAt.current < RENEW_PAUSE_MS) return false;
    renewedAt.current = now;
    void refetch();
    return true;
  }, [refetch]);
  if (!video.playable) return { playback: null, error: null, renew };
  if (isPrivate && !token) return { playback: null, error, renew };
  // The page and the gateway are one server, whatever name it is reached by.
  const open = (url: string) =>
    isPrivate ? `${location.origin}${new URL(url, location.href).pathname}` : url;
  const openIfThere = (url: string | null | undefined) => (url ? open(url) : null);
  return {
    playback: {
      url: open(video.playback_url),
      token: isPrivate ? (token?.token ?? null) : null,
      posterUrl: openIfThere(video.poster_url),
      storyboardUrl: openIfThere(video.storyboard_url),
      chaptersUrl: openIfThere(video.chapters_url),
    },
    error: null,
    renew,
  };
}
