// Hovers over the middle of the progress bar of a video on the page, in a headless Chromium.
//
//   node web/e2e/hover.mjs BASE_URL VIDEO_ID
//
// Prints one JSON line:
//   expected   sheet and position of the storyboard tile for that time
//   shown      sheet and position of the tile above the progress bar
//   sheet_size width and height of the decoded sheet in pixels
//   visible    whether the tile is fully opaque
//   went_on    whether playback continued meanwhile
//   poster     URL of the poster that the player shows first
//   errors     errors of the page, the console and this script
// and exits with 0 only if both tiles are the same, playback continued and there is no error.
// SCREENSHOT names a file for a screenshot.

import { openPage } from "./browser.mjs";

const [base, id] = process.argv.slice(2);
const LIMIT_MS = 60_000;

const errors = [];
const result = { expected: null, shown: null, poster: null, errors };

async function read(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return response;
}

// The query that opens the files of a private video.
async function tokenOf(video) {
  if (video.visibility !== "private") return "";
  const response = await fetch(`${base}/v1/videos/${video.id}/playback-tokens`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: "{}",
  });
  return `?token=${(await response.json()).token}`;
}

// A URL without its query: each token has its own signatures.
const bare = (url) => url?.split("?")[0] ?? null;

// The cues as { start, end, sheet, x, y, width, height }.
function parse(text, url) {
  const secs = (time) => time.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
  const cue = /([\d:.]+) --> ([\d:.]+)[^\n]*\n(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)/g;
  return Array.from(text.replaceAll("\r", "").matchAll(cue), ([, start, end, file, ...place]) => {
    const [x, y, width, height] = place.map(Number);
    return {
      start: secs(start),
      end: secs(end),
      sheet: new URL(file, url).href,
      x,
      y,
      width,
      height,
    };
  });
}

// The tile in the tooltip of the progress bar.
function tooltip() {
  const element = document.querySelector(".vjs-mouse-display .vjs-time-tooltip");
  const style = getComputedStyle(element);
  const box = element.getBoundingClientRect();
  const bar = document.querySelector(".vjs-progress-holder").getBoundingClientRect();
  const [x, y] = style.backgroundPosition.split(" ").map(parseFloat);
  return {
    sheet: /url\("(.*)"\)/.exec(style.backgroundImage)?.[1] ?? null,
    x: -x || 0,
    y: -y || 0,
    // Without its border of 1 px.
    width: box.width - 2,
    height: box.height - 2,
    above: box.bottom <= bar.top + 1,
  };
}

// Whether the tile has faded in.
function isTileVisible() {
  const element = document.querySelector(".vjs-mouse-display .vjs-time-tooltip");
  if (!element?.style.backgroundImage) return false;
  const opacities = [];
  for (let part = element; part; part = part.parentElement) {
    if (getComputedStyle(part).visibility !== "visible") return false;
    opacities.push(Number(getComputedStyle(part).opacity));
  }
  return Math.min(...opacities) === 1;
}

async function sizeOf(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  return [image.naturalWidth, image.naturalHeight];
}

// Moves the pointer until the tile is visible. Playwright's hover() waits for an element at rest, but
// the layout shifts while the player starts, and the bar moves during playback.
async function hoverAt(share) {
  const bar = page.locator(".vjs-progress-holder");
  for (let step = 0; step < 50; step += 1) {
    const { x, y, width, height } = await bar.boundingBox();
    await page.mouse.move(x + width * share + (step % 2), y + height / 2);
    await page.waitForTimeout(100);
    if (await page.evaluate(isTileVisible)) return;
  }
}

const { browser, page } = await openPage(errors, { viewport: { width: 1000, height: 900 } });
try {
  page.setDefaultTimeout(LIMIT_MS);
  await page.goto(`${base}/watch/${id}`);
  await page.locator(".vjs-thumbnails-ready").waitFor();
  const video = await (await read(`${base}/v1/videos/${id}`)).json();
  const storyboard = video.storyboard_url + (await tokenOf(video));
  const cues = parse(await (await read(storyboard)).text(), storyboard);
  const duration = await page.evaluate(() => document.querySelector("video").duration);
  const cue = cues.find(({ end }) => end > duration / 2);
  const { start, end, ...expected } = cue;
  result.expected = expected;

  // The player takes its final size with the first frame.
  await page.waitForFunction(() => document.querySelector("video").currentTime > 0);
  const before = await page.evaluate(() => document.querySelector("video").currentTime);
  // The player hides its controls while the pointer rests.
  await page.locator(".video-js").hover();
  await hoverAt((start + end) / 2 / duration);
  result.visible = await page.evaluate(isTileVisible);
  result.shown = await page.evaluate(tooltip);
  result.sheet_size = await page.evaluate(sizeOf, result.shown.sheet);
  result.poster = await page.evaluate(
    () => document.querySelector(".vjs-poster img")?.getAttribute("src") ?? null,
  );
  result.expected_poster = video.poster_url ?? null;
  const after = await page.evaluate(() => document.querySelector("video").currentTime);
  result.went_on =
    after > before || (await page.evaluate(() => document.querySelector("video").ended));
  if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT });
} catch (error) {
  errors.push(`hover: ${error.message}`);
} finally {
  await browser.close();
}
console.log(JSON.stringify(result));
const { expected, shown, sheet_size: size } = result;
const plain = (tile) => ({ ...tile, sheet: bare(tile.sheet) });
const same =
  shown && Object.keys(expected).every((key) => plain(expected)[key] === plain(shown)[key]);
const onSheet = size && shown.x + shown.width <= size[0] && shown.y + shown.height <= size[1];
const well = same && onSheet && shown.above && result.visible && result.went_on;
process.exitCode =
  well && bare(result.poster) === result.expected_poster && errors.length === 0 ? 0 : 1;
