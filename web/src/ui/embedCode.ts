import type { Video } from "../api/types";

/** The player alone. Viewers of a private video need a playback token in place of `TOKEN`. */
export function viewerUrl({ id, visibility }: Video, origin = location.origin): string {
  return `${origin}/embed/${id}${visibility === "private" ? "?token=TOKEN" : ""}`;
}

interface Embed {
  url: string;
  title: string;
  /** In pixels. */
  width: number;
  height: number;
}

const escaped = (attribute: string) =>
  attribute.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");

/** HTML that shows the player in another page. */
export function embedCode({ url, title, width, height }: Embed): string {
  return `<iframe src="${escaped(url)}" title="${escaped(title)}" width="${width}" height="${height}" style="border:0" allow="autoplay; fullscreen; picture-in-picture" allowfullscreen></iframe>`;
}
