import { useQuery } from "@tanstack/react-query";
import { api, body } from "../api/client";
import type { Video } from "../api/types";

// Tokens last an hour unless the settings say otherwise; each is asked for once in half of that.
const FRESH_MS = 25 * 60_000;

export interface Files {
  posterUrl: string | undefined;
  storyboardUrl: string | undefined;
}

/** URLs of poster and storyboard. Those of a private video need a token. */
export function useFiles(video: Video): Files {
  const { id, poster_url, storyboard_url } = video;
  const isPrivate = video.visibility === "private";
  const { data: token } = useQuery({
    queryKey: ["playback-token", id],
    queryFn: async ({ signal }) => {
      const params = { path: { id } };
      const wish = { expires_in: null, viewer: null };
      const answer = await body(
        api.POST("/v1/videos/{id}/playback-tokens", { params, body: wish, signal }),
      );
      return answer.token;
    },
    enabled: isPrivate && Boolean(poster_url) && video.state !== "deleting",
    staleTime: FRESH_MS,
    placeholderData: () => undefined,
  });
  const open = (url: string | null | undefined) => {
    if (!url || (isPrivate && !token)) return undefined;
    // The page and the gateway are one server, whatever name it is reached by.
    return isPrivate
      ? `${location.origin}${new URL(url, location.href).pathname}?token=${token}`
      : url;
  };
  return { posterUrl: open(poster_url), storyboardUrl: open(storyboard_url) };
}
