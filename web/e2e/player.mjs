// Walks through the player of the page, in a headless Chromium: a film with two audio tracks and subtitles, from
// before it plays until it was watched.
//
//   node web/e2e/player.mjs BASE_URL
//
// Prints one JSON line:
//   playable_state   state of the video when the player appeared
//   begun_at         place of the first frame in seconds
//   turned           whether the growing stream became a finished one, without a reload
//   rungs            heights of the frames after each choice in the menu of qualities
//   sought           place after a click on the middle of the bar
//   tile             whether the storyboard stood above the bar then
//   captions         text of the captions after the key for them
//   audio            language of the audio track that was chosen
//   keys             what each key did
//   poster           whether the poster was there before the player, and gone once it played
//   started_at       place of the first frame with `?t=12`
//   remembered       place, speed and captions after a reload
//   stats            number of plots
//   unmuted          whether a browser that refuses sound played without, and with it after the button
//   errors           errors of the page, the console and this script, and findings of axe
// and exits with 0 only if all is right. SCREENSHOT names a file for a screenshot.

import { expectAccessible } from "./axe.mjs";
import { openPage } from "./browser.mjs";
import { makeFilm, upload, when } from "./films.mjs";

const [base] = process.argv.slice(2);
const LIMIT_MS = 120_000;
const SECS = 20;

const errors = [];
const result = { errors };
const wrong = (what) => errors.push(`player: ${what}`);
const near = (value, expected, by = 1.5) => Math.abs(value - expected) <= by;

let { browser, page } = await openPage(errors, { viewport: { width: 1280, height: 900 } });

// Notes the place of the first frame of each player.
const noteBegin = (target) =>
  target.addInitScript(() => {
    addEventListener(
      "playing",
      ({ target: video }) => {
        window.begunAt ??= video.currentTime;
      },
      true,
    );
  });
const video = (read) =>
  page.evaluate(`(() => { const video = document.querySelector("video"); return ${read}; })()`);
// Asked by the script, because the policy of the page forbids the page to evaluate a text.
const until = async (condition) => {
  const end = Date.now() + LIMIT_MS;
  while (!(await video(`Boolean(video && (${condition}))`))) {
    if (Date.now() > end) throw new Error(`never came: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};
const begun = async () => {
  await page.waitForFunction(() => window.begunAt !== undefined);
  await until("!video.seeking && video.currentTime > 0");
  return page.evaluate(() => window.begunAt);
};
// The controls hide while the pointer rests.
const wake = async () => {
  const box = await page.getByTestId("player").boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + 60 + Math.random() * 20);
};
const pause = () => page.evaluate(() => document.querySelector("video").pause());
// Chooses in a menu of the bar.
const choose = async (button, item) => {
  await wake();
  await page.locator(`.vjs-control-bar ${button}`).first().click();
  await page.locator(".vjs-menu-item:visible", { hasText: item }).first().click();
};

async function watchGrowing(id) {
  await page.goto(`${base}/watch/${id}`);
  await page.getByTestId("state").waitFor();
  await page.evaluate(() => {
    window.isSamePage = true;
  });
  await page.getByTestId("player").waitFor();
  result.playable_state = await page.getByTestId("state").getAttribute("data-state");
  result.begun_at = await begun();
  if (result.begun_at > 1) wrong(`it began at ${result.begun_at} s`);
  await page.locator("[data-testid=state][data-state=ready]").waitFor();
  await until(`Math.abs(video.duration - ${SECS}) < 1`);
  result.turned = await page.evaluate(() => window.isSamePage === true);
  if (!result.turned) wrong("the page was loaded anew");
  await expectAccessible(page, errors, "watch");
}

async function switchRungs() {
  result.rungs = [];
  for (const height of [360, 720]) {
    await page.keyboard.press("1");
    await choose(".vjs-quality-menu-button", `${height}p`);
    await page.evaluate(() => void document.querySelector("video").play());
    await until(`video.videoHeight === ${height}`);
    result.rungs.push(await video("video.videoHeight"));
  }
  await choose(".vjs-quality-menu-button", "Auto");
}

async function seekByStoryboard() {
  await page.locator(".vjs-thumbnails-ready").waitFor();
  await pause();
  const bar = await page.locator(".vjs-progress-holder").boundingBox();
  const [x, y] = [bar.x + bar.width / 2, bar.y + bar.height / 2];
  await wake();
  await page.mouse.move(x - 2, y);
  await page.mouse.move(x, y);
  const tile = page.locator(".vjs-mouse-display .vjs-time-tooltip");
  await page.waitForFunction(() => {
    const shown = document.querySelector(".vjs-mouse-display .vjs-time-tooltip");
    return shown && getComputedStyle(shown).backgroundImage.includes("storyboard");
  });
  result.tile = await tile.isVisible();
  if (!result.tile) wrong("the storyboard is not visible");
  await page.mouse.click(x, y);
  await until("!video.seeking");
  result.sought = await video("video.currentTime");
  if (!near(result.sought, SECS / 2)) wrong(`the middle of the bar is ${result.sought} s`);
}

async function turnOnCaptions() {
  // Those of the source come to the stream at its end.
  await page.locator(".vjs-subs-caps-button:not(.vjs-hidden)").first().waitFor();
  await page.keyboard.press("c");
  const cue = page.locator(".vjs-text-track-cue").first();
  await cue.waitFor();
  result.captions = (await cue.innerText()).trim();
  if (result.captions !== "Words of the source") wrong(`the captions say ${result.captions}`);
}

async function chooseAudio() {
  const read = () =>
    page.evaluate(() => {
      const { player } = document.querySelector(".video-js");
      return Array.from(player.audioTracks()).find(({ enabled }) => enabled)?.language;
    });
  const before = await read();
  await wake();
  await page.locator(".vjs-control-bar .vjs-audio-button").first().click();
  await page.locator(".vjs-audio-button .vjs-menu-item:not(.vjs-selected)").first().click();
  await page.waitForFunction((old) => {
    const { player } = document.querySelector(".video-js");
    return Array.from(player.audioTracks()).find(({ enabled }) => enabled)?.language !== old;
  }, before);
  result.audio = await read();
  if (result.audio !== "de") wrong(`the audio is ${result.audio} after ${before}`);
}

async function pressKeys() {
  const keys = {};
  result.keys = keys;
  const check = async (key, condition) => {
    await page.keyboard.press(key);
    keys[key] = await until(condition)
      .then(() => true)
      .catch(() => false);
    if (!keys[key]) wrong(`the key ${key} did nothing: ${condition}`);
  };
  await page.evaluate(() => document.activeElement?.blur());
  await pause();
  await check("5", `Math.abs(video.currentTime - ${SECS / 2}) < 0.5`);
  await check("j", "video.currentTime < 1");
  await check("l", "Math.abs(video.currentTime - 10) < 1");
  await check("ArrowRight", "Math.abs(video.currentTime - 15) < 1");
  await check("ArrowLeft", "Math.abs(video.currentTime - 10) < 1");
  await check("k", "!video.paused");
  await check("k", "video.paused");
  await check("m", "video.muted");
  await check("m", "!video.muted");
  await check(">", "video.playbackRate === 1.25");
  await check("<", "video.playbackRate === 1");
  await check(">", "video.playbackRate === 1.25");
  await check("f", "document.fullscreenElement");
  await check("f", "!document.fullscreenElement");
  await check("?", "document.querySelector('[data-testid=keys]')");
  await expectAccessible(page, errors, "keys");
  await page.keyboard.press("Escape");
  await until("!document.querySelector('[data-testid=keys]')");
  await check("i", "document.querySelectorAll('[data-testid=stats] canvas').length === 3");
  result.stats = await page.locator("[data-testid=stats] canvas").count();
  await expectAccessible(page, errors, "stats");
  if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT });
  await check("i", "!document.querySelector('[data-testid=stats]')");
  // While somebody types, keys are text.
  await page.getByRole("button", { name: "Edit the title" }).click();
  await page.getByRole("textbox", { name: "Title" }).fill("");
  await page.keyboard.type("km5");
  keys.typed = await page.getByRole("textbox", { name: "Title" }).inputValue();
  if (keys.typed !== "km5" || !(await video("video.paused"))) wrong("a field lost its keys");
  await page.keyboard.press("Escape");
}

// The player is held, and the poster comes without it.
async function showPoster(id) {
  const isEngine = (url) => /\/assets\/videojs-http-streaming/.test(url.pathname);
  let release;
  const isFree = new Promise((resolve) => {
    release = resolve;
  });
  await page.route(isEngine, async (route) => {
    await isFree;
    await route.continue();
  });
  await page.goto(`${base}/watch/${id}`);
  const poster = page.getByTestId("stage-poster");
  await poster.waitFor();
  await page.waitForFunction(
    () => document.querySelector("[data-testid=stage-poster]").naturalWidth > 0,
  );
  const isAlone = (await page.getByTestId("player").count()) === 0;
  if (!isAlone) wrong("the poster waited for the player");
  release();
  await begun();
  await poster.waitFor({ state: "detached" });
  await page.unroute(isEngine);
  result.poster = isAlone;
}

async function startAt(id) {
  await page.goto(`${base}/watch/${id}?t=12`);
  result.started_at = await begun();
  if (!near(result.started_at, 12)) wrong(`?t=12 began at ${result.started_at} s`);
}

async function remember(id) {
  await pause();
  await page.keyboard.press("4");
  await until(`!video.seeking && Math.abs(video.currentTime - ${SECS * 0.4}) < 0.5`);
  await page.goto(`${base}/watch/${id}`);
  const place = await begun();
  await page.locator(".vjs-text-track-cue").first().waitFor();
  result.remembered = { place, rate: await video("video.playbackRate"), captions: true };
  if (!near(place, SECS * 0.4)) wrong(`it went on at ${place} s`);
  if (result.remembered.rate !== 1.25) wrong(`the speed is ${result.remembered.rate}`);
}

// A browser that plays with sound only after a click.
async function unmute(id) {
  await browser.close();
  const flags = ["--autoplay-policy=document-user-activation-required"];
  ({ browser, page } = await openPage(errors, {}, flags));
  page.setDefaultTimeout(LIMIT_MS);
  // Any other question to the page counts as an act of the user, after which the browser lets it play with sound.
  await page.addInitScript(() => {
    const tell = ({ target }) => console.log(`playing, ${target.muted ? "muted" : "with sound"}`);
    addEventListener("playing", tell, true);
  });
  const playing = page.waitForEvent("console", (line) => line.text().startsWith("playing, "));
  await page.goto(`${base}/watch/${id}`);
  const how = (await playing).text();
  if (how !== "playing, muted") wrong(how);
  await page.getByTestId("unmute").click();
  await until("!video.muted && !document.querySelector('[data-testid=unmute]')");
  const before = await video("video.currentTime");
  await until(`video.currentTime > ${before}`);
  result.unmuted = true;
}

try {
  page.setDefaultTimeout(LIMIT_MS);
  await noteBegin(page);
  const id = await upload(base, await makeFilm({ secs: SECS }));
  result.id = id;
  await watchGrowing(id);
  await when(base, id, ({ state, storyboard_url: url }) => state === "ready" && url);
  page.setDefaultTimeout(30_000);
  await switchRungs();
  await seekByStoryboard();
  await turnOnCaptions();
  await chooseAudio();
  await pressKeys();
  await showPoster(id);
  await startAt(id);
  await remember(id);
  await unmute(id);
} catch (error) {
  wrong(error.stack ?? error.message);
  // The page may be gone.
  const path = process.env.SCREENSHOT;
  if (path) await page.screenshot({ path }).catch(() => {});
} finally {
  await browser.close();
}
console.log(JSON.stringify(result));
process.exitCode = errors.length === 0 ? 0 : 1;
