// Plays a private video while its tokens expire and its session ends, in a headless Chromium.
//
//   node web/e2e/expiry.mjs BASE_URL
//
// The server lets this machine in without a token, and its playback tokens live for a few seconds
// (`playback.token_ttl_secs`). Prints one JSON line:
//   renewed   place after a jump to a part that the first token no longer opens
//   ended     message after the token of the session was revoked
//   back      place after the next sign-in
//   embed     message of an embed whose token has expired, and the place with the next one
//   errors    errors of the page, the console and this script, and findings of axe
// and exits with 0 only if all is right. SCREENSHOT names a file for a screenshot.

import { createServer } from "node:http";
import { apiOf, until } from "./api.mjs";
import { expectAccessible } from "./axe.mjs";
import { openPage } from "./browser.mjs";
import { makeFilm, upload, when } from "./films.mjs";

const [base] = process.argv.slice(2);
// The player loads 30 s ahead, and stays away from what lies behind them.
const SECS = 90;
const JUMP_SECS = 70;
const LIMIT_MS = 60_000;

const errors = [];
const result = { errors };
const wrong = (what) => errors.push(`expiry: ${what}`);
const { browser, page } = await openPage(errors, { viewport: { width: 1000, height: 800 } });

// A page of somebody else, of the same site: Chromium keeps nothing for frames of other sites here.
const server = createServer((request, response) => {
  const src = decodeURIComponent(request.url.slice(2)).replaceAll("&", "&amp;");
  response.writeHead(200, { "content-type": "text/html" });
  response.end(`<!doctype html><html lang="en"><title>A course</title>
    <iframe src="${src}" title="Lesson" width="640" height="360" allow="autoplay"></iframe></html>`);
});
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
const host = `http://127.0.0.1:${server.address().port}`;

// URLs of segments, by which the store is asked whether they still open.
let segments = [];
page.on("request", (request) => {
  if (/seg_\d+\..*X-Amz-/.test(request.url())) segments.push(request.url());
});
const expired = () =>
  until("the segments are refused", async () => {
    const [first] = segments;
    return first && (await fetch(first)).status === 403;
  });

const plays = (frame, fromSecs) =>
  frame.waitForFunction(
    (from) => {
      const video = document.querySelector("video");
      return video && !video.seeking && !video.paused && video.currentTime > from;
    },
    fromSecs,
    { timeout: LIMIT_MS },
  );
const place = (frame) => frame.evaluate(() => document.querySelector("video").currentTime);
const jump = (frame) =>
  frame.evaluate((secs) => {
    document.querySelector("video").currentTime = secs;
  }, JUMP_SECS);
const isNear = (secs) => secs >= JUMP_SECS - 1 && secs < JUMP_SECS + 15;

const make = async (api, name, scopes) => api("POST", "/v1/tokens", { name, scopes });
async function signIn({ token }) {
  await page.getByTestId("token").fill(token);
  await page.getByTestId("sign-in").getByRole("button").click();
}

async function renew(id) {
  segments = [];
  // A link with a start time: only its first player begins there.
  await page.goto(`${base}/watch/${id}?t=1`);
  await plays(page, 1);
  await expired();
  await jump(page);
  await plays(page, JUMP_SECS);
  result.renewed = await place(page);
  if (!isNear(result.renewed)) wrong(`it went on at ${result.renewed} s`);
}

async function endSession(api, first, second) {
  // It does not reach its end meanwhile.
  await page.evaluate(() => document.querySelector("video").pause());
  await api("DELETE", `/v1/tokens/${first.id}`);
  await page.getByTestId("sign-in").waitFor();
  result.ended = await page.getByTestId("error").textContent();
  if (!result.ended.includes("session has ended")) wrong(result.ended);
  await signIn(second);
  await plays(page, JUMP_SECS - 1);
  result.back = await place(page);
  if (!isNear(result.back)) wrong(`after the sign-in it plays at ${result.back} s`);
  await expectAccessible(page, errors, "a private video");
}

async function embed(api, id) {
  const open = async (expiresIn, more = "") => {
    const request = { expires_in: expiresIn };
    const { token } = await api("POST", `/v1/videos/${id}/playback-tokens`, request);
    const src = `${base}/embed/${id}?autoplay=1&muted=1&token=${token}${more}`;
    segments = [];
    await page.goto(`${host}/?${encodeURIComponent(src)}`);
    return until("the frame", () => page.frames().find((frame) => frame.url() === src));
  };
  // The place that the page of the video kept would be loaded before the token expires.
  const first = await open(8, "&t=1");
  await plays(first, 0);
  await expired();
  await jump(first);
  const message = page.frameLocator("iframe").getByTestId("message");
  await message.waitFor();
  result.embed = { message: await message.innerText() };
  await expectAccessible(page, errors, "an expired embed");
  const second = await open(600);
  await plays(second, 1);
  result.embed.back = await place(second);
  if (!isNear(result.embed.back)) wrong(`the embed goes on at ${result.embed.back} s`);
}

try {
  page.setDefaultTimeout(LIMIT_MS);
  const file = await makeFilm({ secs: SECS, height: 144 });
  const id = await upload(base, file);
  await when(base, id, ({ state }) => state === "ready");
  await apiOf(base)("PATCH", `/v1/videos/${id}`, { visibility: "private" });
  await when(base, id, ({ visibility }) => visibility === "private");
  const admin = await make(apiOf(base), "expiry", ["admin"]);
  const api = apiOf(base, admin.token);
  const first = await make(api, "first", ["read"]);
  const second = await make(api, "second", ["read"]);
  await page.goto(base);
  await signIn(first);
  await page.getByTestId("account").waitFor();
  await renew(id);
  await endSession(api, first, second);
  await embed(api, id);
} catch (error) {
  wrong(error.stack ?? error.message);
  const path = process.env.SCREENSHOT;
  if (path) await page.screenshot({ path }).catch(() => {});
} finally {
  await browser.close();
  server.close();
}
// Refused segments, the ended session and the expired token are part of this.
const unexpected = errors.filter((error) => !/^console: .*status of (401|403)/.test(error));
console.log(JSON.stringify({ ...result, errors: unexpected }));
process.exitCode = unexpected.length === 0 ? 0 : 1;
