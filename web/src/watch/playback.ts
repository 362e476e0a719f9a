import { useEffect, useState } from "react";
import { api, body } from "../api/client";
import type { Video } from "../api/types";

// The URLs that the player loads.
export interface Playback {
  url: string;
  posterUrl: string | undefined;
  storyboardUrl: string | undefined;
  chaptersUrl: string | undefined;
}

interface Token {
  videoId: string;
  text: string;
}

// URLs of a video that plays. Those of a private video need a token, which is asked for once; until it is
// there, the result is null.
export function usePlayback(video: Video | null, onError: (text: string) => void): Playback | null {
  const [token, setToken] = useState<Token | null>(null);
  const privateId = video?.playable && video.visibility === "private" ? video.id : null;
  useEffect(() => {
    if (!privateId) return;
    let isCurrent = true;
    const params = { path: { id: privateId } };
    body(
      api.POST("/v1/videos/{id}/playback-tokens", {
        params,
        body: { expires_in: null, viewer: null },
      }),
    ).then(
      (answer) => isCurrent && setToken({ videoId: privateId, text: answer.token }),
      (reason: unknown) => isCurrent && onError(String(reason)),
    );
    return () => {
      isCurrent = false;
    };
  }, [privateId, onError]);

  if (!video?.playable) return null;
  if (privateId && token?.videoId !== privateId) return null;
  // The page and the gateway are one server, whatever name it is reached by.
  const open = (url: string) =>
    privateId
      ? `${location.origin}${new URL(url, location.href).pathname}?token=${token?.text}`
      : url;
  const openIfThere = (url: string | null | undefined) => (url ? open(url) : undefined);
  return {
    url: open(video.playback_url),
    posterUrl: openIfThere(video.poster_url),
    storyboardUrl: openIfThere(video.storyboard_url),
    chaptersUrl: openIfThere(video.chapters_url),
  };
}
