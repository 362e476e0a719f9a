// Walks through all that the page of a video can change, in a headless Chromium.
//
//   node web/e2e/video_page.mjs BASE_URL
//
// The server must keep deleted videos for a minute or more, and have `qoe.enabled` off. Prints one JSON line:
//   title, conflict   the title after an edit, and whether an edit was refused that somebody else had overtaken
//   track             the text track after it was added, and after it was renamed
//   poster            whether the poster changed to the frame of the player, to an image, and back
//   beacons           number of reports of playback, which are off
//   shared            the link for viewers with its start time
//   downloaded        name of the file that was downloaded
//   private           whether the video plays by a token once it is private
//   restored          states after the delete, its undo, and the restore from the page of a deleted video
//   unknown, failed   texts of the page of a video that does not exist, and of one that failed
//   errors            errors of the page, the console and this script, and findings of axe
// and exits with 0 only if all is right. SCREENSHOT names a file for a screenshot.

import { execFileSync } from "node:child_process";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expectAccessible } from "./axe.mjs";
import { openPage } from "./browser.mjs";
import { ADDED, call, countBeacons, makeFilm, sentBeacons, upload, when } from "./films.mjs";

const [base] = process.argv.slice(2);
const LIMIT_MS = 60_000;

const errors = [];
const result = { errors };
const wrong = (what) => errors.push(`video_page: ${what}`);

const { browser, page } = await openPage(errors, {
  viewport: { width: 1280, height: 900 },
  // Text that fades has too little contrast for a moment.
  reducedMotion: "reduce",
});
const read = (id) => call(base, "GET", `/v1/videos/${id}`);
const button = (name) => page.getByRole("button", { name, exact: true });
const textbox = (name) => page.getByRole("textbox", { name, exact: false });
const plays = () =>
  page.waitForFunction(() => {
    const video = document.querySelector("video");
    return video && video.currentTime > 0 && video.videoHeight > 0;
  });

async function editTitle(id) {
  await button("Edit the title").click();
  await textbox("Title").fill("A new title");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "A new title" }).waitFor();
  await when(base, id, ({ title }) => title === "A new title");
  // Somebody else is faster.
  const seen = page.waitForResponse((answer) => answer.request().method() === "GET");
  await button("Edit the title").click();
  await seen;
  await call(base, "PATCH", `/v1/videos/${id}`, { title: "Of somebody else" });
  await textbox("Title").fill("Too late");
  const refused = page.waitForResponse((answer) => answer.status() === 412);
  await page.keyboard.press("Enter");
  await refused;
  const toast = page.getByTestId("toast");
  await toast.getByText("Somebody else has changed this video meanwhile").waitFor();
  result.conflict = (await textbox("Title").inputValue()) === "Too late";
  if (!result.conflict) wrong("what was typed is lost");
  await button("Cancel").click();
  await page.getByRole("heading", { name: "Of somebody else" }).waitFor();
  await toast.locator("button[aria-label=Close]").click();
  result.title = (await read(id)).title;
}

async function editRest(id) {
  await button("Add a description").click();
  await textbox("Description").fill("Two lines\nof text");
  await button("Save").click();
  await textbox("Description").waitFor({ state: "detached" });
  await page.getByText("Two lines").waitFor();
  await button("Add tags").click();
  await textbox("Tags").fill("one, two words");
  await button("Save").click();
  await page.getByRole("link", { name: "two words" }).waitFor();
  const video = await when(base, id, ({ tags }) => tags?.length === 2);
  if (video.description !== "Two lines\nof text") wrong(`the description is ${video.description}`);
}

async function addTrack(id, folder) {
  const file = join(folder, "added.vtt");
  await writeFile(file, ADDED);
  const tracks = page.getByTestId("tracks");
  await tracks.getByRole("button", { name: "Add" }).click();
  await page.getByTestId("track-file").setInputFiles(file);
  await textbox("Language").fill("fr");
  await textbox("Name in the player").fill("Français");
  await expectAccessible(page, errors, "track dialog");
  await button("Save").click();
  await page.getByTestId("track").getByText("Français").waitFor();
  const labelOf = (video) => video.text_tracks?.find(({ language }) => language === "fr")?.label;
  result.track = [labelOf(await when(base, id, labelOf))];
  // A new name, with the text that is there.
  await button("Change Français").click();
  await textbox("Name in the player").fill("En français");
  await button("Save").click();
  await page.getByTestId("track").getByText("En français").waitFor();
  result.track.push(labelOf(await when(base, id, (video) => labelOf(video) === "En français")));
  await plays();
  await page.locator(".vjs-subs-caps-button:not(.vjs-hidden)").first().waitFor();
  // The player is made anew with the list that has the new name.
  await page.waitForFunction(() => {
    const player = document.querySelector(".video-js")?.player;
    const tracks = player && !player.isDisposed() ? Array.from(player.textTracks()) : [];
    return tracks.some(({ label }) => label === "En français");
  });
  await button("Remove En français").click();
  await button("Remove").click();
  await page.getByTestId("track").waitFor({ state: "detached" });
}

async function changePoster(id, change) {
  const before = (await read(id)).poster_url;
  await change();
  const video = await when(base, id, ({ poster_url: url }) => url && url !== before);
  await page.waitForFunction(
    (url) => document.querySelector("[data-testid=poster-image]")?.src === url,
    video.poster_url,
  );
  // Loaded, and not only named.
  await page.waitForFunction(
    () => document.querySelector("[data-testid=poster-image]").naturalWidth > 0,
  );
}

async function pickPoster(id, folder) {
  await plays();
  await page.evaluate(() => {
    const video = document.querySelector("video");
    video.pause();
    video.currentTime = 6;
  });
  result.poster = [];
  const step = async (name, change) => {
    await changePoster(id, change);
    result.poster.push(name);
  };
  await step("frame", () => button("Use the frame at 0:06").click());
  const image = join(folder, "poster.png");
  const source = ["-f", "lavfi", "-i", "color=purple:size=320x180", "-frames:v", "1"];
  execFileSync("ffmpeg", ["-v", "error", ...source, image]);
  await step("image", () => page.getByTestId("poster-file").setInputFiles(image));
  await step("automatic", () => button("Back to the automatic one").click());
  await page.getByTestId("poster-file").setInputFiles(join(folder, "added.vtt"));
  const toast = page.getByTestId("toast").filter({ hasText: "The poster was not changed" });
  await toast.locator("button[aria-label=Close]").click();
}

async function share() {
  await page.getByTestId("share").click();
  const dialog = page.getByTestId("share-dialog");
  await dialog.getByRole("checkbox").check();
  result.shared = await dialog.getByRole("textbox", { name: "Link for viewers" }).inputValue();
  if (!/\/embed\/[^/]+\?t=\d+$/.test(result.shared)) wrong(`the link is ${result.shared}`);
  await expectAccessible(page, errors, "share");
  if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT });
  await page
    .getByRole("dialog", { name: "Share this video" })
    .getByRole("button", { name: "Close" })
    .click();
  await dialog.waitFor({ state: "hidden" });
}

async function download() {
  await button("Download").click();
  const begun = page.waitForEvent("download");
  await page.getByRole("menuitem", { name: /^360p/ }).click();
  result.downloaded = (await begun).suggestedFilename();
  if (!result.downloaded.endsWith(".mp4")) wrong(`the download is ${result.downloaded}`);
}

async function makePrivate(id) {
  const token = page.waitForResponse((answer) => answer.url().includes("/main.m3u8?token="));
  await page.getByText("Private", { exact: true }).click();
  await when(base, id, ({ visibility }) => visibility === "private");
  await token;
  await plays();
  result.private = true;
  await expectAccessible(page, errors, "private");
}

async function deleteAndRestore(id) {
  const states = [];
  result.restored = states;
  const note = async () => states.push((await read(id)).state);
  const remove = async () => {
    await button("More actions").click();
    await page.getByRole("menuitem", { name: "Delete" }).click();
    await page.getByTestId("deleted").waitFor();
    await when(base, id, ({ state }) => state === "deleting");
    await note();
  };
  await remove();
  await page.getByTestId("toast").locator("button", { hasText: "Undo" }).click();
  await page.locator("[data-testid=state]:not([data-state=deleting])").waitFor();
  await when(base, id, ({ state }) => state === "ready");
  await note();
  await page.locator("[data-testid=state][data-state=ready]").waitFor();
  await remove();
  await page.reload();
  await page.getByTestId("restore").waitFor();
  await expectAccessible(page, errors, "deleted");
  await page.getByTestId("restore").click();
  await page.locator("[data-testid=state][data-state=ready]").waitFor();
  await note();
  if (states.join() !== "deleting,ready,deleting,ready") wrong(`the states are ${states}`);
}

async function showFaults(folder) {
  await page.goto(`${base}/watch/00000000000000000000`);
  result.unknown = await page.getByTestId("unknown").getByRole("heading").innerText();
  const file = join(folder, "bad.mp4");
  await writeFile(file, "no video at all");
  const id = await upload(base, file);
  await page.goto(`${base}/watch/${id}`);
  await page.locator("[data-testid=state][data-state=failed]").waitFor();
  result.failed = await page.getByTestId("error").innerText();
  await expectAccessible(page, errors, "failed");
  await page.getByTestId("retry").click();
  await page.getByTestId("toast").getByText("The video is in the queue again").waitFor();
}

try {
  page.setDefaultTimeout(LIMIT_MS);
  await countBeacons(page);
  const folder = await mkdtemp(join(tmpdir(), "ladderd-page-"));
  const id = await upload(base, await makeFilm({ secs: 10, height: 360 }));
  await when(base, id, ({ state }) => state === "ready");
  await page.goto(`${base}/watch/${id}`);
  await plays();
  await editTitle(id);
  await editRest(id);
  await addTrack(id, folder);
  await pickPoster(id, folder);
  await share();
  await download();
  await makePrivate(id);
  await deleteAndRestore(id);
  await showFaults(folder);
  result.beacons = await sentBeacons(page);
  if (result.beacons > 0) wrong("playback was reported, though reports are off");
} catch (error) {
  wrong(error.stack ?? error.message);
  // The page may be gone.
  const path = process.env.SCREENSHOT;
  if (path) await page.screenshot({ path }).catch(() => {});
} finally {
  await browser.close();
}
// The refused edit, the refused image and the unknown video are part of this.
const EXPECTED = /^console: .*status of (412|404|400.*\/poster|415.*\/poster)/;
const unexpected = errors.filter((error) => !EXPECTED.test(error));
console.log(JSON.stringify({ ...result, errors: unexpected }));
process.exitCode = unexpected.length === 0 ? 0 : 1;
