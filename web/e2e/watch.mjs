// Uploads a file on the page, and watches it play on the page of its video, in a headless Chromium.
//
//   node web/e2e/watch.mjs BASE_URL FILE [TOKEN]
//
// Prints one JSON line:
//   playable_state   state of the video when the player appeared
//   current_time     playback position at the end in seconds
//   ended_state      state of the video at the end
//   errors           errors of the page, the console and the player
// and exits with 0 only if it played past 8 s, without an error, to the state "ready".

import { until } from "./api.mjs";
import { openPage } from "./browser.mjs";

const [base, file, token] = process.argv.slice(2);
const WATCH_SECS = 8;
// On a busy machine the browser sets a clock that is ahead of the frames back by up to this much.
const SET_BACK_SECS = 0.5;
const LIMIT_MS = 120_000;

// The id of the video, once its file is there. The page asks, with the rights of its session.
const newestVideo = () =>
  until("the file arrives", () =>
    page.evaluate(async () => {
      const answer = await fetch("/v1/videos?limit=1");
      const [video] = answer.ok ? (await answer.json()).videos : [];
      return video && video.state !== "uploading" ? video.id : null;
    }),
  );

const errors = [];
const result = { playable_state: null, current_time: 0, ended_state: null, errors };
const { browser, page } = await openPage(errors);
try {
  page.setDefaultTimeout(LIMIT_MS);
  await page.goto(base);
  if (token) {
    await page.getByTestId("token").fill(token);
    await page.getByTestId("sign-in").getByRole("button").click();
  }
  await page.getByTestId("file").first().setInputFiles(file);
  await page.goto(`${base}/watch/${await newestVideo()}`);
  await page.getByTestId("player").waitFor();
  result.playable_state = await page.getByTestId("state").getAttribute("data-state");

  // The player's own element, which a person sees.
  await page.waitForFunction(
    (secs) => (document.querySelector("video")?.currentTime ?? 0) > secs,
    WATCH_SECS + SET_BACK_SECS,
  );
  await page.waitForFunction(() => {
    const state = document.querySelector("[data-testid=state]");
    return ["ready", "failed"].includes(state?.getAttribute("data-state") ?? "");
  });
  // The clock may have been set back by more on a machine that encodes at the same time.
  await page.waitForFunction(
    (secs) => document.querySelector("video").currentTime > secs,
    WATCH_SECS,
  );
  result.current_time = await page.evaluate(() => document.querySelector("video").currentTime);
  result.ended_state = await page.getByTestId("state").getAttribute("data-state");
  const shown = page.getByTestId("error");
  if (await shown.count()) errors.push(`shown: ${await shown.innerText()}`);
  const fault = await page.evaluate(() => document.querySelector("video").error?.message ?? null);
  if (fault) errors.push(`player: ${fault}`);
  if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT });
} catch (error) {
  errors.push(`watch: ${error.message}`);
} finally {
  await browser.close();
}
console.log(JSON.stringify(result));
const played = result.current_time > WATCH_SECS && result.ended_state === "ready";
process.exitCode = played && errors.length === 0 ? 0 : 1;
