// Reads the text of a text track back from the stream: the API keeps no copy that can be asked for.

export interface SubtitleRendition {
  name: string;
  language: string;
  /** Absolute URL of its playlist. */
  url: string;
}

/** The subtitles of a multivariant playlist. */
export function subtitlesOf(main: string, mainUrl: string): SubtitleRendition[] {
  const media = main.split(/\r?\n/).filter((line) => line.startsWith("#EXT-X-MEDIA:"));
  return media.flatMap((line) => {
    const attribute = (name: string) => new RegExp(`[:,]${name}="([^"]*)"`).exec(line)?.[1] ?? "";
    if (!/[:,]TYPE=SUBTITLES/.test(line) || !attribute("URI")) return [];
    const url = new URL(attribute("URI"), mainUrl).href;
    return [{ name: attribute("NAME"), language: attribute("LANGUAGE"), url }];
  });
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

export async function readSubtitles(mainUrl: string): Promise<SubtitleRendition[]> {
  return subtitlesOf(await read(mainUrl), mainUrl);
}

/** The text of a playlist of subtitles as WebVTT, or null if it is encrypted. */
export async function readText(playlistUrl: string): Promise<string | null> {
  const segments = segmentsOf(await read(playlistUrl), playlistUrl);
  return segments && joinSegments(await Promise.all(segments.map(read)));
}

/** The text of the rendition in this folder of the stream as WebVTT, or null if it cannot be read. */
export async function readBack(mainUrl: string, rendition: string): Promise<string | null> {
  const subtitles = await readSubtitles(mainUrl);
  const found = subtitles.find(({ url }) => new URL(url).pathname.split("/").includes(rendition));
  return found ? readText(found.url) : null;
}

async function read(url: string): Promise<string> {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}.`);
  return answer.text();
}
