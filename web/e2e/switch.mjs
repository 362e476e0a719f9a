// Plays a stream to its end in a headless Chromium, with forced switches from each rung to each other.
//
//   node web/e2e/switch.mjs PLAYER MANNER URL
//
// PLAYER is hlsjs or videojs. MANNER is the way to switch:
//   seamless   at every border between segments, like the player's own bandwidth estimate
//   now        at once, like a menu of qualities: the player drops the buffer of the old rung, so the
//              machine must be fast enough to fill it again (hlsjs only)
// URL is a main.m3u8, or a video of the API (BASE/v1/videos/ID); the script waits until it is playable.
//
// Prints one JSON line:
//   state, duration_secs   of the video: the state at the start, the duration at the end (API only)
//   was_growing            whether the playlist was an EVENT without end at the first frame
//   rungs, shown           heights on offer, and heights of the frames shown, in order
//   missing_switches       switches that did not occur
//   time_to_first_frame    seconds from the URL to the first frame
//   first_time             media time of the first frame in seconds
//   longest_stall          longest time in seconds without progress of the playback position
//   longest_still          longest time in seconds that one frame was shown
//   gaps                   holes in the buffer and jumps of the clock, above 0.1 s
//   current_time, duration, ended
//   dropped_frames, total_frames
//   errors                 of page, console and player, those that it recovered from included
// and exits with 0 only if all of the stream was played on all rungs without gaps and errors.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { openPage } from "./browser.mjs";

const [player, manner, url] = process.argv.slice(2);
const LIMIT_MS = Number(process.env.LIMIT_MS ?? 150_000);
const LONGEST_STALL_SECS = 0.5;
// Less than a frame at 10 fps.
const END_SECS = 0.1;

const FILES = {
  "/": ["switch/index.html", "text/html"],
  "/switch/page.js": ["switch/page.js", "text/javascript"],
  "/switch/players.js": ["switch/players.js", "text/javascript"],
  "/switch/course.js": ["switch/course.js", "text/javascript"],
  "/switch/watcher.js": ["switch/watcher.js", "text/javascript"],
  "/hls.js": ["../node_modules/hls.js/dist/hls.js", "text/javascript"],
  "/video.js": ["../node_modules/video.js/dist/video.js", "text/javascript"],
  "/video-js.css": ["../node_modules/video.js/dist/video-js.css", "text/css"],
};

// The page has an origin of its own, so that requests to the store need CORS.
async function servePage() {
  const server = createServer(async (request, response) => {
    const [file, type] = FILES[request.url] ?? [];
    if (!file) return response.writeHead(404).end();
    response.setHeader("content-type", type);
    response.end(await readFile(fileURLToPath(new URL(file, import.meta.url))));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

async function whenPlayable(api) {
  const deadline = Date.now() + LIMIT_MS;
  while (Date.now() < deadline) {
    const video = await (await fetch(api)).json();
    if (video.state === "failed") throw new Error(`the video failed: ${video.error.message}`);
    if (video.playable) return video;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("the video does not become playable");
}

function isAllWell(result) {
  return (
    result.errors.length === 0 &&
    result.gaps.length === 0 &&
    result.missing_switches.length === 0 &&
    result.longest_stall <= LONGEST_STALL_SECS &&
    result.first_time < END_SECS &&
    result.ended &&
    Math.abs(result.duration - result.current_time) < END_SECS &&
    (result.duration_secs === undefined ||
      Math.abs(result.duration_secs + result.first_time - result.current_time) < END_SECS)
  );
}

const errors = [];
const result = { player, manner, errors };
const server = await servePage();
const { browser, page } = await openPage(errors);
try {
  page.setDefaultTimeout(LIMIT_MS);
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  // The browser is open before the video exists, so that the page joins at the start of the job.
  const ofApi = !new URL(url).pathname.endsWith(".m3u8");
  const video = ofApi ? await whenPlayable(url) : { playback_url: url };
  result.state = video.state;
  const order = { player, url: video.playback_url, manner };
  // A player that hangs reports its results so far.
  setTimeout(() => page.evaluate(() => window.end()).catch(() => {}), LIMIT_MS).unref();
  const { errors: ofPlayer, ...played } = await page.evaluate((o) => window.play(o), order);
  errors.push(...ofPlayer);
  Object.assign(result, played);
  if (ofApi) result.duration_secs = (await (await fetch(url)).json()).duration_secs;
  if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT });
} catch (error) {
  errors.push(`switch: ${error.message}`);
} finally {
  await browser.close();
  server.close();
}
console.log(JSON.stringify(result));
process.exitCode = isAllWell(result) ? 0 : 1;
