// Links and code by which others get a video.

import type { Video } from "../api/types";
import { text } from "../text";
import { tell, tellError } from "../ui/toasts";

export const titleOf = (video: Video) => video.title || video.filename;

/** A page that plays the video. That of a private one asks for a sign-in. */
export const linkOf = (video: Video) => `${location.origin}/watch/${video.id}`;

const escaped = (attribute: string) =>
  attribute.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");

/** HTML that shows the player in another page. */
export function embedOf(video: Video, origin = location.origin): string {
  const { width, height } = sizeOf(video);
  return `<iframe src="${origin}/embed/${video.id}" title="${escaped(titleOf(video))}" width="${width}" height="${height}" style="border:0" allow="autoplay; fullscreen; picture-in-picture" allowfullscreen></iframe>`;
}

// 640 px wide, in the shape of its largest rendition.
function sizeOf({ renditions }: Video) {
  const largest = topOf(renditions);
  const ratio = largest?.width && largest.height ? largest.height / largest.width : 9 / 16;
  return { width: 640, height: Math.round(640 * ratio) };
}

function topOf(renditions: Video["renditions"]) {
  return renditions.reduce<Video["renditions"][number] | undefined>(
    (top, one) => ((one.height ?? 0) > (top?.height ?? 0) ? one : top),
    undefined,
  );
}

/** Name of its largest rendition, such as `1080p`. */
export const qualityOf = (video: Video) => topOf(video.renditions)?.label ?? null;

/** Copies text and says so. */
export async function copy(what: string, done: string): Promise<void> {
  try {
    // Without TLS there is no clipboard but on this machine.
    if (navigator.clipboard) await navigator.clipboard.writeText(what);
    else copyBySelection(what);
    tell(done, { timeoutMs: 3000 });
  } catch (reason) {
    tellError(text.library.notCopied, reason);
  }
}

function copyBySelection(what: string): void {
  const area = document.createElement("textarea");
  area.value = what;
  document.body.append(area);
  area.select();
  const isDone = document.execCommand("copy");
  area.remove();
  if (!isDone) throw new Error(what);
}

/** The first names of a list. */
export function namesOf(videos: Video[], most = 3): string {
  const names = videos.slice(0, most).map(titleOf).join(", ");
  const left = videos.length - most;
  return left > 0 ? text.library.andMore(names, left) : names;
}
