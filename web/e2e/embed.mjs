// Plays a video in the page of another origin, by its embed, in a headless Chromium.
//
//   node web/e2e/embed.mjs BASE_URL
//
// Prints one JSON line:
//   played     place of the player in the frame, which began at `t=3`
//   muted      whether `muted=1` was heard
//   beacons    views that were reported by the page and by embeds
//   private    message without a token, the one of a code with the word TOKEN, and the place with a token
//   unknown    message of a video that does not exist
//   cookies    number of cookies that the frame has left behind
//   errors     errors of the pages, the console and this script, and findings of axe
// and exits with 0 only if all is right. SCREENSHOT names a file for a screenshot.

import { createServer } from "node:http";
import { until } from "./api.mjs";
import { expectAccessible } from "./axe.mjs";
import { openPage } from "./browser.mjs";
import { call, countBeacons, makeFilm, sentBeacons, upload, when } from "./films.mjs";

const [base] = process.argv.slice(2);
const LIMIT_MS = 60_000;

const errors = [];
const result = { errors };
const wrong = (what) => errors.push(`embed: ${what}`);

// A page of somebody else, with the frame that its query asks for.
const server = createServer((request, response) => {
  const { searchParams: query } = new URL(request.url, "http://host");
  const source = (query.get("src") ?? "").replaceAll("&", "&amp;").replaceAll('"', "&quot;");
  response.writeHead(200, { "content-type": "text/html" });
  response.end(`<!doctype html><html lang="en"><title>A course</title><main><h1>A course</h1>
    <iframe src="${source}" title="Lesson" width="640" height="360"
      allow="autoplay; fullscreen; picture-in-picture" allowfullscreen></iframe></main></html>`);
});
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
const host = `http://localhost:${server.address().port}`;

const { browser, page } = await openPage(errors, { viewport: { width: 1000, height: 700 } });

const open = async (path) => {
  await page.goto(`${host}/?src=${encodeURIComponent(base + path)}`);
  return page.frameLocator("iframe");
};
const frame = () => page.frames().find((one) => one.url().startsWith(`${base}/embed/`));
const plays = async () => {
  await page.frameLocator("iframe").locator("video").waitFor();
  await frame().waitForFunction(() => document.querySelector("video").currentTime > 0);
  await frame().waitForFunction(() => {
    const video = document.querySelector("video");
    return !video.seeking && video.videoHeight > 0;
  });
  return frame().evaluate(() => document.querySelector("video").currentTime);
};

// The page and each embed report their view when it ends.
async function reported(id) {
  await page.goto(`${base}/watch/${id}`);
  // It plays, rather than looks for its first frame.
  await page.waitForFunction(() => document.querySelector("video")?.currentTime > 1);
  await page.goto("about:blank");
  const views = await until("all views are reported", async () => {
    const { by_player: by } = await call(base, "GET", "/v1/qoe");
    return by.page.views >= 1 && by.embed.views >= 2 && by;
  });
  result.beacons = { page: views.page.views, embed: views.embed.views };
  if (views.page.views !== 1 || views.embed.views !== 2) {
    wrong(`reported were ${JSON.stringify(result.beacons)}`);
  }
  const metrics = await (await fetch(`${base}/metrics`)).text();
  for (const line of [
    'ladderd_qoe_views_total{player="page"} 1',
    'ladderd_qoe_views_total{player="embed"} 2',
    'ladderd_qoe_startup_seconds_count{player="embed"} 2',
  ]) {
    if (!metrics.includes(`${line}\n`)) wrong(`the metrics have no ${line}`);
  }
  await page.goto(`${base}/system/playback`);
  const sent = await sentBeacons(page);
  if (sent !== 1) wrong(`the page sent ${sent} reports`);
  await page.getByTestId("views").getByText("3", { exact: true }).waitFor();
}

// The code for other pages, which the library copies and the page of the video shows.
async function codeOf(id) {
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"], { origin: base });
  await page.goto(base);
  await page.getByTestId("video-menu").click();
  await page.getByRole("menuitem", { name: "Copy embed code" }).click();
  await page.getByTestId("toast").getByText("in place of TOKEN").waitFor();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  await page.goto(`${base}/watch/${id}`);
  await page.getByTestId("share").click();
  const dialog = page.getByTestId("share-dialog");
  await dialog.getByText("Put it in place of TOKEN").waitFor();
  const shown = await dialog.getByRole("textbox", { name: "Embed in a page" }).inputValue();
  const urls = [copied, shown].map((code) => /src="([^"]*)"/.exec(code)?.[1]);
  const wanted = `${base}/embed/${id}?token=TOKEN`;
  if (urls.join() !== `${wanted},${wanted}`) wrong(`the codes have ${urls}`);
  return urls[0];
}
const pathOf = (url) => url.slice(new URL(url).origin.length);

try {
  page.setDefaultTimeout(LIMIT_MS);
  await countBeacons(page);
  const id = await upload(base, await makeFilm({ secs: 10, height: 360 }));
  await when(base, id, ({ state }) => state === "ready");

  await open(`/embed/${id}?autoplay=1&muted=1&t=3`);
  result.played = await plays();
  if (result.played < 2.9) wrong(`?t=3 plays at ${result.played} s`);
  result.muted = await frame().evaluate(() => document.querySelector("video").muted);
  if (!result.muted) wrong("it is not muted");
  result.cookies = (await page.context().cookies(base)).length;
  if (result.cookies > 0) wrong("the frame left a cookie");
  await expectAccessible(page, errors, "embed");
  if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT });

  // Without autoplay, it plays after a click.
  const embedded = await open(`/embed/${id}`);
  await embedded.locator(".vjs-big-play-button").click();
  await plays();
  await reported(id);

  const message = async (path) => {
    const shown = (await open(path)).getByTestId("message");
    await shown.waitFor();
    return shown.innerText();
  };
  result.unknown = await message("/embed/00000000000000000000");
  await call(base, "PATCH", `/v1/videos/${id}`, { visibility: "private" });
  await when(base, id, ({ visibility }) => visibility === "private");
  result.private = { message: await message(`/embed/${id}`) };
  await expectAccessible(page, errors, "embed message");
  const code = await codeOf(id);
  result.private.code = await message(pathOf(code));
  if (result.private.code !== result.private.message) wrong(`TOKEN reads ${result.private.code}`);
  const { token } = await call(base, "POST", `/v1/videos/${id}/playback-tokens`, {});
  await open(`${pathOf(code).replace("TOKEN", token)}&autoplay=1&muted=1`);
  result.private.played = await plays();
} catch (error) {
  wrong(error.stack ?? error.message);
} finally {
  await browser.close();
  server.close();
}
// The refused and the unknown video are part of this.
const unexpected = errors.filter((error) => !/^console: .*status of (401|404)/.test(error));
console.log(JSON.stringify({ ...result, errors: unexpected }));
process.exitCode = unexpected.length === 0 ? 0 : 1;
