// View of an embed, by the answer of the server.

/** Answer of `GET /v1/playback/{id}`. */
export interface PlaybackView {
  id: string;
  title: string;
  state: string;
  playable: boolean;
  is_growing: boolean;
  duration_secs?: number | null;
  visibility: string;
  playback_url: string;
  poster_url?: string | null;
  storyboard_url?: string | null;
  chapters_url?: string | null;
  beacons: boolean;
}

/** Parameters of the frame's URL. */
export interface EmbedOptions {
  id: string;
  token: string | null;
  start: string | null;
  autoplays: boolean;
  isMuted: boolean;
}

export type Step =
  | { kind: "play"; view: PlaybackView }
  /** Asked again after a while. */
  | { kind: "wait"; reason: "soon" | "offline"; title: string }
  | { kind: "end"; reason: "unknown" | "private" | "expired" | "failed" };

const isOn = (value: string | null) => value !== null && value !== "0" && value !== "false";

export function optionsOf(url: URL): EmbedOptions | null {
  const id = /^\/embed\/([^/]+)\/?$/.exec(url.pathname)?.[1];
  if (!id) return null;
  const query = url.searchParams;
  return {
    id: decodeURIComponent(id),
    token: query.get("token"),
    start: query.get("t"),
    autoplays: isOn(query.get("autoplay")),
    isMuted: isOn(query.get("muted")),
  };
}

// A token that was good once: the page that shows the frame can get another one.
const ENDED = ["token-expired", "token-signature", "token-key-unknown"];

/** What comes next, by status, body and code of the answer. Status 0 is no answer. */
export function stepOf(status: number, view: PlaybackView | null, code: string): Step {
  if (status === 200 && view) {
    if (view.playable) return { kind: "play", view };
    if (view.state === "failed") return { kind: "end", reason: "failed" };
    return { kind: "wait", reason: "soon", title: view.title };
  }
  if (status === 401 || status === 403) {
    return { kind: "end", reason: ENDED.includes(code) ? "expired" : "private" };
  }
  if (status === 0 || status === 408 || status === 429 || status >= 500) {
    return { kind: "wait", reason: "offline", title: "" };
  }
  return { kind: "end", reason: "unknown" };
}

/** A URL without its token, which the player adds by itself. */
export function bare(url: string, base: string): string {
  const plain = new URL(url, base);
  plain.searchParams.delete("token");
  return plain.href;
}
