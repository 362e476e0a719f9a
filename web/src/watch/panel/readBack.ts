// Reads the text of a text track back from the stream: the API keeps no copy that can be asked for.

/** Absolute URL of a rendition's playlist in a multivariant playlist, or null. */
export function playlistOf(main: string, mainUrl: string, rendition: string): string | null {
  for (const line of main.split(/\r?\n/)) {
    if (!line.startsWith("#EXT-X-MEDIA:")) continue;
    const uri = /URI="([^"]+)"/.exec(line)?.[1];
    if (!uri) continue;
    const url = new URL(uri, mainUrl);
    if (url.pathname.split("/").includes(rendition)) return url.href;
  }
  return null;
}

/** Absolute URLs of the segments of a media playlist, or null if they are encrypted. */
export function segmentsOf(playlist: string, playlistUrl: string): string[] | null {
  if (/^#EXT-X-KEY:(?!METHOD=NONE)/m.test(playlist)) return null;
  const lines = playlist.split(/\r?\n/).filter((line) => line !== "" && !line.startsWith("#"));
  return lines.map((line) => new URL(line, playlistUrl).href);
}

/** One file of many segments. Cues over a border are in both segments; they come once. */
export function joinSegments(segments: string[]): string {
  const blocks = new Set<string>();
  for (const segment of segments) {
    for (const block of segment.replaceAll("\r\n", "\n").split(/\n{2,}/)) {
      const trimmed = block.trim();
      // The first block of a segment is its header.
      if (trimmed && !trimmed.startsWith("WEBVTT")) blocks.add(trimmed);
    }
  }
  return `WEBVTT\n\n${[...blocks].join("\n\n")}\n`;
}

/** The text of a rendition as WebVTT, or null if it cannot be read. */
export async function readBack(mainUrl: string, rendition: string): Promise<string | null> {
  const playlistUrl = playlistOf(await read(mainUrl), mainUrl, rendition);
  if (!playlistUrl) return null;
  const segments = segmentsOf(await read(playlistUrl), playlistUrl);
  if (!segments) return null;
  return joinSegments(await Promise.all(segments.map(read)));
}

async function read(url: string): Promise<string> {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}.`);
  return answer.text();
}
