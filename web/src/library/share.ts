// Links and code by which others get a video.

import type { Video } from "../api/types";
import { titleOf } from "../api/video";
import { text } from "../text";
import { writeClipboard } from "../ui/clipboard";
import { embedCode, viewerUrl } from "../ui/embedCode";
import { tell, tellError } from "../ui/toasts";

/** A page that plays the video. That of a private one asks for a sign-in. */
export const linkOf = (video: Video) => `${location.origin}/watch/${video.id}`;

/** HTML that shows the player in another page. */
export function embedOf(video: Video, origin = location.origin): string {
  return embedCode({ url: viewerUrl(video, origin), title: titleOf(video), ...sizeOf(video) });
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
    await writeClipboard(what);
    tell(done, { timeoutMs: 3000 });
  } catch (reason) {
    tellError(text.library.notCopied, reason);
  }
}

/** The first names of a list. */
export function namesOf(videos: Video[], most = 3): string {
  const names = videos.slice(0, most).map(titleOf).join(", ");
  const left = videos.length - most;
  return left > 0 ? text.library.andMore(names, left) : names;
}
