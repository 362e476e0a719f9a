// Plays a video in the page of another origin, by its embed, in a headless Chromium.
//
//   node web/e2e/embed.mjs BASE_URL
//
// STUBS=1 answers in place of a server that has no embeds yet. Prints one JSON line:
//   played     place of the player in the frame, which began at `t=3`
//   muted      whether `muted=1` was heard
//   private    message without a token, and the place with one
//   unknown    message of a video that does not exist
//   cookies    number of cookies that the frame has left behind
//   errors     errors of the pages, the console and this script, and findings of axe
// and exits with 0 only if all is right. SCREENSHOT names a file for a screenshot.

import { createServer } from "node:http";
import { expectAccessible } from "./axe.mjs";
import { openPage } from "./browser.mjs";
import { call, makeFilm, upload, when } from "./films.mjs";

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

// A document of a stub has no address, so Chromium takes the store for one of a local network that it asks for.
const flags = process.env.STUBS ? ["--disable-features=LocalNetworkAccessChecks"] : [];
const { browser, page } = await openPage(errors, { viewport: { width: 1000, height: 700 } }, flags);

async function stub() {
  const html = await (await fetch(`${base}/embed.html`)).text();
  await page.route("**/embed/*", (route) =>
    route.fulfill({ contentType: "text/html", body: html }),
  );
  await page.route("**/v1/playback/*", async (route) => {
    const url = new URL(route.request().url());
    const [id, token] = [url.pathname.split("/").at(-1), url.searchParams.get("token")];
    const answer = await fetch(`${base}/v1/videos/${id}`);
    if (!answer.ok) return route.fulfill({ status: 404, json: { code: "not-found" } });
    const video = await answer.json();
    if (video.visibility === "private" && !token) {
      return route.fulfill({ status: 401, json: { code: "token-missing" } });
    }
    // The page and the gateway are one server.
    const open = (of) => (token ? `${base}${new URL(of).pathname}?token=${token}` : of);
    const { state, playable, duration_secs, visibility, filename } = video;
    const view = { id, state, playable, duration_secs, visibility, title: video.title ?? filename };
    const more = { is_growing: state !== "ready", beacons: false };
    return route.fulfill({ json: { ...view, ...more, playback_url: open(video.playback_url) } });
  });
}

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

try {
  page.setDefaultTimeout(LIMIT_MS);
  if (process.env.STUBS) await stub();
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
  const { token } = await call(base, "POST", `/v1/videos/${id}/playback-tokens`, {});
  await open(`/embed/${id}?autoplay=1&muted=1&token=${token}`);
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
