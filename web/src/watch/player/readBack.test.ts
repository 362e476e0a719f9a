import { expect, test } from "vitest";
import { joinSegments, segmentsOf, subtitlesOf } from "./readBack";

const MAIN = `#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="a",URI="a1/audio-en/index.m3u8"
#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subs",NAME="b",LANGUAGE="en",URI="a1/subtitles-en/index.m3u8?token=t"
#EXT-X-STREAM-INF:BANDWIDTH=1
a1/360p/index.m3u8`;

test("subtitles are those of the playlist, with absolute URLs", () => {
  expect(subtitlesOf(MAIN, "https://store/public/x/main.m3u8")).toEqual([
    {
      name: "b",
      language: "en",
      url: "https://store/public/x/a1/subtitles-en/index.m3u8?token=t",
    },
  ]);
});

test("segments are those of the playlist, and encrypted ones cannot be read", () => {
  const list = "#EXTM3U\n#EXTINF:6,\nseg_0.vtt\n#EXTINF:6,\nseg_1.vtt\n#EXT-X-ENDLIST\n";
  expect(segmentsOf(list, "https://store/a/index.m3u8")).toEqual([
    "https://store/a/seg_0.vtt",
    "https://store/a/seg_1.vtt",
  ]);
  expect(segmentsOf(`#EXT-X-KEY:METHOD=AES-128,URI="k"\n${list}`, "https://store/a")).toBeNull();
});

test("a cue over the border of two segments comes once", () => {
  const first =
    "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:00:00.000\n\n00:01.000 --> 00:07.000\nA\n\n";
  const second =
    "WEBVTT\r\nX-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:00:00.000\r\n\r\n00:01.000 --> 00:07.000\r\nA\r\n\r\n00:08.000 --> 00:09.000\r\nB\r\nC\r\n";
  expect(joinSegments([first, second])).toBe(
    "WEBVTT\n\n00:01.000 --> 00:07.000\nA\n\n00:08.000 --> 00:09.000\nB\nC\n",
  );
});
