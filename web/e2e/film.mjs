// Films the way from upload to playing, for the README: an animated WebP.
//
//   node web/e2e/film.mjs BINARY OUTPUT.webp
//
// The clip is generated. A cursor is drawn, because Chromium's own is not in its pictures.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeClip, startAppliance } from "./appliance.mjs";
import { openPage } from "./browser.mjs";

const [binary, output] = process.argv.slice(2);
const SIZE = { width: 1120, height: 700 };
const FPS = 8;
const MAX_BYTES = 2 * 1024 * 1024;

const folder = mkdtempSync(join(tmpdir(), "ladderd-film-"));
const errors = [];
const appliance = await startAppliance(binary);
const { browser, page } = await openPage(errors, { viewport: SIZE, colorScheme: "light" });
const frames = [];

// Takes pictures until it is stopped; each says when it was taken.
async function record() {
  const client = await page.context().newCDPSession(page);
  client.on("Page.screencastFrame", ({ data, sessionId }) => {
    frames.push({ at: performance.now(), data });
    void client.send("Page.screencastFrameAck", { sessionId });
  });
  await client.send("Page.startScreencast", { format: "jpeg", quality: 92, everyNthFrame: 2 });
  return () => client.send("Page.stopScreencast");
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function drawCursor() {
  await page.evaluate(() => {
    const cursor = document.createElement("div");
    cursor.style.cssText =
      "position:fixed;z-index:9999;left:60%;top:80%;width:22px;height:22px;border-radius:50%;" +
      "background:rgb(79 70 229 / 45%);border:2px solid rgb(79 70 229);pointer-events:none;" +
      "transform:translate(-50%,-50%);transition:left 600ms ease,top 600ms ease";
    document.body.append(cursor);
    window.moveCursor = (x, y) => {
      cursor.style.left = `${x}px`;
      cursor.style.top = `${y}px`;
    };
  });
}

// Moves the drawn cursor to an element, then clicks it.
async function click(target) {
  const box = await target.boundingBox();
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  await page.evaluate(([x, y]) => window.moveCursor(x, y), [x, y]);
  await pause(800);
  await target.click();
}

async function walk(clip) {
  await page.goto(appliance.url);
  await page.getByTestId("first-run").waitFor();
  await drawCursor();
  const stop = await record();
  await pause(1000);
  await page.getByTestId("file").setInputFiles(clip);
  const card = page.getByRole("link", { name: /river/i }).first();
  await card.waitFor();
  await pause(1500);
  await click(card);
  await page.getByTestId("player").waitFor();
  await page.waitForFunction(() => (document.querySelector("video")?.currentTime ?? 0) > 5);
  await stop();
}

// A list of pictures with their times, as ffmpeg's concat demuxer reads it.
function writeFrames() {
  const lines = frames.map(({ data }, at) => {
    const path = join(folder, `${String(at).padStart(5, "0")}.jpg`);
    writeFileSync(path, Buffer.from(data, "base64"));
    const next = frames[at + 1]?.at ?? frames[at].at + 1000;
    return `file '${path}'\nduration ${((next - frames[at].at) / 1000).toFixed(3)}`;
  });
  const list = join(folder, "frames.txt");
  writeFileSync(list, `${lines.join("\n")}\n`);
  return list;
}

// The best quality that fits.
function encode(list) {
  for (const quality of [80, 70, 60, 50, 40, 30]) {
    const input = ["-f", "concat", "-safe", "0", "-i", list];
    const filter = ["-vf", `fps=${FPS},scale=960:-2:flags=lanczos`, "-loop", "0"];
    const codec = ["-c:v", "libwebp_anim", "-quality", String(quality), "-compression_level", "6"];
    execFileSync("ffmpeg", ["-v", "error", "-y", ...input, ...filter, ...codec, output]);
    if (statSync(output).size <= MAX_BYTES) return quality;
  }
  throw new Error(`the film is larger than ${MAX_BYTES} bytes`);
}

try {
  page.setDefaultTimeout(120_000);
  mkdirSync(folder, { recursive: true });
  await walk(makeClip(join(folder, "river.mp4"), "mandelbrot", 30));
  const quality = encode(writeFrames());
  const bytes = statSync(output).size;
  console.log(JSON.stringify({ frames: frames.length, quality, bytes, errors }));
} finally {
  await browser.close();
  await appliance.stop();
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = errors.length === 0 ? 0 : 1;
