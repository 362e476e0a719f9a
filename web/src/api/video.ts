import type { Video } from "./types";

/** Name of a video for people. */
export const titleOf = (video: Video): string => video.title || video.filename;
