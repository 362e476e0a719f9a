// The API of ladderd, as far as the page uses it.

import type { components } from "../generated/api";

type Schemas = components["schemas"];

// Servers of another release may name states that are not in the type.
export type Video = Schemas["VideoView"];
export type VideoState = Video["state"];
export type UploadRequest = Schemas["UploadRequest"];
export type UploadAnswer = Schemas["UploadAnswer"];
export type Session = Schemas["Session"];
export type SignIn = Schemas["SignIn"];
export type PlaybackToken = Schemas["PlaybackTokenAnswer"];
type Problem = Schemas["Problem"];
type VideoList = Schemas["VideoList"];

// Sent to the window when the server no longer knows who uses the page.
export const SIGNED_OUT = "ladderd-signed-out";

// Asks for JSON; a problem (RFC 9457) becomes an error in its own words.
export async function request<T>(method: string, url: string, body?: unknown): Promise<T> {
  const init: RequestInit = { method };
  if (body !== undefined) {
    init.headers = { "content-type": "application/json" };
    init.body = JSON.stringify(body);
  }
  const response = await fetch(url, init);
  if (!response.ok) {
    const problem = (await response.json().catch(() => null)) as Partial<Problem> | null;
    if (problem?.code === "not-signed-in") dispatchEvent(new Event(SIGNED_OUT));
    throw new Error(problem?.detail ?? `The server answered ${response.status}.`);
  }
  return (response.status === 204 ? undefined : await response.json()) as T;
}

export const listVideos = () =>
  request<VideoList>("GET", "/v1/videos?limit=20").then((list) => list.videos);

// Returns as soon as the video is hidden; its objects are removed after that.
export const deleteVideo = (id: string) => request<Video>("DELETE", `/v1/videos/${id}`);

// Follows a video until it is ready or failed. Returns what ends it.
export function followVideo(
  id: string,
  onVideo: (video: Video) => void,
  onGone: (error: Error) => void,
): () => void {
  const events = new EventSource(`/v1/videos/${id}/events`);
  events.onmessage = (event) => {
    const video = JSON.parse(event.data as string) as Video;
    onVideo(video);
    if (video.state === "ready" || video.state === "failed") events.close();
  };
  events.onerror = () => {
    // The browser comes back by itself, unless the answer was an error.
    if (events.readyState === EventSource.CLOSED) onGone(new Error("There is no such video."));
  };
  return () => events.close();
}
