// Tools of the walks of the player: clips, uploads, and waiting for videos.

import { execFile } from "node:child_process";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { apiOf, upload as uploadBytes } from "./api.mjs";

const run = promisify(execFile);

const SUBTITLES = `1
00:00:00,000 --> 00:00:20,000
Words of the source
`;

export const ADDED = "WEBVTT\n\n00:00.000 --> 00:20.000\nAdded words\n";

// A film with two audio tracks and subtitles.
export async function makeFilm({ secs = 20, height = 720 } = {}) {
  const folder = await mkdtemp(join(tmpdir(), "ladderd-film-"));
  const [film, subtitles] = [join(folder, "film.mp4"), join(folder, "words.srt")];
  await writeFile(subtitles, SUBTITLES);
  const width = Math.round((height * 16) / 9 / 2) * 2;
  const tone = (hertz) => ["-f", "lavfi", "-i", `sine=${hertz}:duration=${secs}`];
  const inputs = ["-f", "lavfi", "-i", `testsrc2=size=${width}x${height}:rate=25:duration=${secs}`];
  inputs.push(...tone(440), ...tone(880), "-i", subtitles);
  const maps = ["-map", "0", "-map", "1", "-map", "2", "-map", "3"];
  const codecs = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"];
  codecs.push("-c:s", "mov_text", "-metadata:s:a:0", "language=eng");
  codecs.push("-metadata:s:a:1", "language=deu", "-metadata:s:s:0", "language=eng");
  await run("ffmpeg", ["-v", "error", "-y", ...inputs, ...maps, ...codecs, film]);
  return film;
}

// Counts the reports that players of the page's own origin send. Requests of a page that ends are told to nobody else.
export const countBeacons = (page) =>
  page.addInitScript(() => {
    // A frame that goes with its page has no time for storage.
    if (window !== top) return;
    const send = navigator.sendBeacon.bind(navigator);
    navigator.sendBeacon = (...report) => {
      localStorage.setItem("beacons", Number(localStorage.getItem("beacons")) + 1);
      return send(...report);
    };
  });
// The page is one of that origin.
export const sentBeacons = (page) =>
  page.evaluate(() => Number(localStorage.getItem("beacons") ?? 0));

export const call = (base, method, path, json) => apiOf(base)(method, path, json);

// Uploads a file past the page. Returns the id of its video.
export const upload = async (base, file) =>
  uploadBytes(apiOf(base), basename(file), await readFile(file));

// Waits until a video is as wanted.
export async function when(base, id, isWanted, limitMs = 120_000) {
  const end = Date.now() + limitMs;
  for (;;) {
    const video = await call(base, "GET", `/v1/videos/${id}`);
    if (isWanted(video)) return video;
    if (video.state === "failed") throw new Error(`${id} failed: ${video.error.message}`);
    if (Date.now() > end) throw new Error(`${id} is ${video.state} still`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}
