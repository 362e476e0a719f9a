// One event stream for all tabs: the tab that holds the lock opens it and tells the others.
//
// A browser opens six connections to a host over HTTP/1.1, so a stream per tab would leave none for anything else.

import type { JobProgress, VideoEvent } from "./types";

export type Live =
  | { kind: "event"; event: VideoEvent }
  | { kind: "progress"; progress: JobProgress }
  /** The stream was opened anew: something may have been missed. */
  | { kind: "opened" }
  | { kind: "lost" };

const NAME = "ladderd.events";
const URL = "/v1/events?progress=true";
/** Kinds of the events of videos. */
export const EVENT_KINDS = [
  "video.created",
  "video.uploaded",
  "video.playable",
  "video.ready",
  "video.failed",
  "video.deleted",
  "video.updated",
  "text_track.ready",
] as const satisfies VideoEvent["type"][];
const REOPEN_MS = 5_000;

/** Follows all events until the result is called. */
export function followEvents(onLive: (live: Live) => void): () => void {
  const channel = new BroadcastChannel(NAME);
  const ended = new AbortController();
  channel.onmessage = (message) => onLive(message.data as Live);
  const tellAll = (live: Live) => {
    onLive(live);
    channel.postMessage(live);
  };
  if (navigator.locks) {
    // Resolves when another tab that had it is gone; until then, that tab tells this one.
    const lead = () => readStream(tellAll, ended.signal);
    navigator.locks.request(NAME, { signal: ended.signal }, lead).catch(() => undefined);
  } else {
    // Pages without TLS have no locks, except those of this machine: each reads a stream of its own.
    void readStream(onLive, ended.signal);
  }
  return () => {
    ended.abort();
    channel.close();
  };
}

/** Reads the stream until the signal. The browser reopens it itself, unless the answer was an error. */
function readStream(onLive: (live: Live) => void, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    let source: EventSource;
    let timer: ReturnType<typeof setTimeout>;
    const open = () => {
      source = new EventSource(URL);
      source.onopen = () => onLive({ kind: "opened" });
      source.onerror = () => {
        onLive({ kind: "lost" });
        if (source.readyState === EventSource.CLOSED) timer = setTimeout(open, REOPEN_MS);
      };
      for (const name of EVENT_KINDS) {
        source.addEventListener(name, (message) =>
          onLive({ kind: "event", event: JSON.parse(message.data) as VideoEvent }),
        );
      }
      source.addEventListener("progress", (message) =>
        onLive({ kind: "progress", progress: JSON.parse(message.data) as JobProgress }),
      );
    };
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      source.close();
      resolve();
    });
    open();
  });
}
