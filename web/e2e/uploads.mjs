// Walks through uploads in a headless Chromium.
//
//   node web/e2e/uploads.mjs BASE_URL CLIP [WALK...]
//
// CLIP is a short MP4 file, from which all files are made. BASE_URL is an appliance that sends files above 1 MiB in
// parts of 5 MiB and takes `.mp4` alone:
//
//   LADDERD__UPLOADS__SINGLE_PUT_MAX_BYTES=1048576 LADDERD__UPLOADS__PART_SIZE_BYTES=5242880
//   LADDERD__SOURCES__SUFFIXES=.mp4
//
// Without a WALK, all of `walks` below are taken. Prints one JSON line with the errors of each walk, and exits with 0
// only if there are none.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "./api.mjs";
import { expectAccessible } from "./axe.mjs";
import { openPage } from "./browser.mjs";
import { makeFiles } from "./uploads/files.mjs";
import { Walk } from "./uploads/walk.mjs";

const [base, clip, ...names] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "uploads-"));
const files = makeFiles(folder, clip);

const walks = {
  // Ten files at once: all arrive, and the title tells how far.
  async ten(walk) {
    const ten = Array.from({ length: 10 }, (_, n) => files.small(`ten-${n}.mp4`));
    await walk.page.evaluate(() => {
      window.titles = [];
      new MutationObserver(() => window.titles.push(document.title)).observe(document.head, {
        subtree: true,
        childList: true,
        characterData: true,
      });
    });
    const release = await walk.holdParts(() => true);
    await walk.choose(...ten);
    await walk.row("ten-0.mp4", "sending");
    await expectAccessible(walk.page, walk.errors, "uploads under way");
    await release();
    for (const { name } of ten) await walk.row(name, "done");
    await walk.until(() => window.titles.some((title) => /^\d+ % · /.test(title)), "no title");
    await walk.until(() => !/^\d+ %/.test(document.title), "the title was not put back");
    await expectAccessible(walk.page, walk.errors, "uploads at their end");
    const videos = await walk.api("/v1/videos?limit=200");
    const arrived = videos.videos.filter(({ filename }) => filename.startsWith("ten-"));
    walk.expect(arrived.length === 10, `${arrived.length} of 10 videos`);
  },

  // The network is cut in mid-upload and comes back: no stored part is sent again.
  async cut(walk) {
    const release = await walk.holdParts((part) => part > 2);
    await walk.choose(files.large("cut.mp4"));
    await walk.stored("cut.mp4", 2);
    const mendNetwork = await walk.cutNetwork(walk.page);
    await walk.row("cut.mp4", "offline");
    await expectAccessible(walk.page, walk.errors, "uploads offline");
    await release();
    await mendNetwork();
    await walk.row("cut.mp4", "done");
    await walk.expectWhole("cut.mp4");
  },

  // The page is loaded anew in mid-upload: it asks for the file, refuses others and goes on.
  async reload(walk) {
    const release = await walk.holdParts((part) => part > 2);
    const file = files.large("reload.mp4");
    await walk.choose(file);
    await walk.stored("reload.mp4", 2);
    await walk.page.reload();
    await release();
    const row = await walk.row("reload.mp4", "needs-file");
    await expectAccessible(walk.page, walk.errors, "an upload that needs its file");
    for (const wrong of [files.small("other.mp4"), files.sameSize("reload-2.mp4", file)]) {
      await row.getByTestId("file-again").setInputFiles(wrong.path);
      await row.getByTestId("upload-misfit").getByText(wrong.name).waitFor();
    }
    await row.getByTestId("file-again").setInputFiles(file.path);
    await walk.row("reload.mp4", "done");
    await walk.expectWhole("reload.mp4");
  },

  // The tab crashes in mid-upload. The next one takes the file where files are chosen.
  async crash(walk) {
    const release = await walk.holdParts((part) => part > 2);
    const file = files.large("crash.mp4");
    await walk.choose(file);
    await walk.stored("crash.mp4", 2);
    await walk.crash();
    await release();
    await walk.row("crash.mp4", "needs-file");
    await walk.choose(file);
    await walk.row("crash.mp4", "done");
    await walk.expectWhole("crash.mp4");
    const rows = await walk.page.locator('[data-name="crash.mp4"]').count();
    walk.expect(rows === 1, `${rows} rows for one file`);
  },

  // A file with a handle goes on after a reload without a question.
  async handle(walk) {
    const release = await walk.holdParts((part) => part > 2);
    await walk.chooseByHandle(files.large("handle.mp4"));
    await walk.stored("handle.mp4", 2);
    await walk.page.reload();
    await release();
    await walk.row("handle.mp4", "done");
    await walk.expectWhole("handle.mp4");
  },

  // The same file is dropped twice, and once more after it has arrived.
  async twice(walk) {
    const file = files.small("twice.mp4");
    const release = await walk.holdParts(() => true);
    await walk.drop(file);
    await walk.row("twice.mp4", "sending");
    await walk.drop(file);
    const twin = await walk.row("twice.mp4", "duplicate");
    await expectAccessible(walk.page, walk.errors, "a duplicate");
    await twin.getByTestId("upload-skip").click();
    await twin.waitFor({ state: "detached" });
    await release();
    await walk.row("twice.mp4", "done");
    await walk.drop(file);
    const again = await walk.row("twice.mp4", "duplicate");
    await again.getByTestId("upload-anyway").click();
    await walk.page.waitForFunction(
      () => document.querySelectorAll('[data-name="twice.mp4"][data-stage=done]').length === 2,
    );
  },

  // A file is pasted, and a folder is dropped: its videos come, and nothing else of it.
  async given(walk) {
    await walk.paste(files.small("pasted.mp4"));
    await walk.row("pasted.mp4", "done");
    await walk.dropFolder(files.folder("lessons"));
    await walk.row("first.mp4", "done");
    await walk.row("second.mp4", "done");
    await walk.page.getByText(/1 file .*left out/).waitFor();
    const names = await walk.page
      .getByTestId("upload-item")
      .evaluateAll((rows) => rows.map((row) => row.dataset.name).sort());
    walk.expect(names.join() === "first.mp4,pasted.mp4,second.mp4", `the queue has ${names}`);
  },

  // The URLs of the parts are refused by the store: they are signed again.
  async expired(walk) {
    await walk.page.route("**/v1/uploads", async (route) => {
      const response = await route.fetch();
      const answer = await response.json();
      for (const part of answer.upload?.parts ?? []) {
        part.url = part.url.replace(/X-Amz-Date=\d{8}/, "X-Amz-Date=20200101");
      }
      await route.fulfill({ response, json: answer });
    });
    let signed = 0;
    walk.page.on("request", (request) => {
      if (request.method() === "POST" && request.url().endsWith("/parts")) signed += 1;
    });
    await walk.choose(files.large("expired.mp4"));
    await walk.row("expired.mp4", "done");
    walk.expect(signed >= 1, "no URL was signed again");
    const refused = walk.answers.filter(({ status }) => status === 403).length;
    walk.expect(refused >= 1, "the store refused no URL");
    await walk.expectWhole("expired.mp4");
    walk.forgive(/ 403 .*|ERR_FAILED|ERR_CONNECTION|blocked by CORS/);
  },

  // Files that cannot become videos: by their name, empty, and by their content.
  async failed(walk) {
    const noise = files.noise("noise.mp4");
    await walk.choose(files.small("letter.txt"), files.empty("empty.mp4"), noise);
    const letter = await walk.row("letter.txt", "failed");
    const said = await letter.getByTestId("upload-error").textContent();
    walk.expect(said.includes(".mp4"), `the refusal names no suffix: ${said}`);
    const sent = walk.answers.filter(({ url }) => url.includes("letter")).length;
    walk.expect(sent === 0, "bytes were sent of a file that is refused");
    await walk.row("empty.mp4", "failed");
    const row = await walk.row("noise.mp4", "done");
    await row.locator("[data-testid=upload-state][data-state=failed]").waitFor();
    await expectAccessible(walk.page, walk.errors, "failed uploads");
    walk.forgive(/ 400 /);
  },

  // Two tabs: one sends, the other shows it, and takes over when the first is closed.
  async tabs(walk) {
    const release = await walk.holdParts((part) => part > 2);
    const file = files.large("tabs.mp4");
    await walk.choose(file);
    await walk.stored("tabs.mp4", 2);
    const first = walk.page;
    await walk.openTab();
    await walk.row("tabs.mp4", "elsewhere");
    await walk.choose(file);
    const twin = await walk.row("tabs.mp4", "duplicate");
    await twin.getByTestId("upload-skip").click();
    await twin.waitFor({ state: "detached" });
    // Its answers are seen, and its other parts never reach the store.
    await walk.answered(2);
    await walk.closeTab(first, "tabs.mp4");
    await release();
    await walk.row("tabs.mp4", "needs-file");
    await walk.choose(file);
    await walk.row("tabs.mp4", "done");
    await walk.expectWhole("tabs.mp4");
  },

  // The server has the same content under another name, and says so before a byte is sent.
  async known(walk) {
    const file = files.small("known.mp4");
    await walk.choose(file);
    await walk.row("known.mp4", "done");
    await walk.page.reload();
    await walk.choose(files.copy("renamed.mp4", file));
    const row = await walk.row("renamed.mp4", "duplicate");
    await row.getByText("known.mp4").waitFor();
    await row.getByTestId("upload-skip").click();
    await row.waitFor({ state: "detached" });
    walk.expect(walk.answers.length === 1, `${walk.answers.length} PUTs for one file`);
  },

  // A file above the limit of the server is refused before the server is asked.
  async limit(walk) {
    await walk.page.route("**/v1/system", async (route) => {
      const response = await route.fetch();
      const json = { ...(await response.json()), upload_limits: { max_size_bytes: 1000 } };
      await route.fulfill({ response, json });
    });
    let asked = 0;
    walk.page.on("request", (request) => {
      if (request.method() === "POST" && request.url().endsWith("/v1/uploads")) asked += 1;
    });
    await walk.choose(files.small("large.mp4"));
    const row = await walk.row("large.mp4", "failed");
    await row.getByText("takes up to 1.0 kB").waitFor();
    walk.expect(asked === 0, "the server was asked for an upload that it refuses");
  },

  // Paused, gone on with, and cancelled: nothing is left on the server.
  async cancel(walk) {
    const release = await walk.holdParts((part) => part > 1);
    await walk.choose(files.large("cancel.mp4"));
    await walk.stored("cancel.mp4", 1);
    const row = await walk.row("cancel.mp4", "sending");
    await row.getByTestId("upload-pause").click();
    await walk.row("cancel.mp4", "paused");
    await row.getByTestId("upload-resume").click();
    await walk.row("cancel.mp4", "sending");
    const id = await row.getAttribute("data-video");
    await row.getByTestId("upload-cancel").click();
    await row.waitFor({ state: "detached" });
    await release();
    await until("the cancelled video is gone", async () => {
      const { videos } = await walk.api("/v1/videos?limit=200");
      return !videos.some((video) => video.id === id && video.state !== "deleting");
    });
  },

  // The session ends in mid-upload: the upload waits for the sign-in, and goes on. It is the last walk:
  // once there is a token, this machine is no longer let in without one.
  async session(walk) {
    const token = await walk.signIn("uploads walk");
    const release = await walk.holdParts((part) => part > 2);
    await walk.choose(files.large("session.mp4"));
    await walk.stored("session.mp4", 2);
    let refused = 0;
    await walk.page.route("**/complete", (route) => {
      if (refused > 0) return route.continue();
      refused += 1;
      const json = { status: 401, code: "invalid-session", title: "", detail: "", type: "" };
      return route.fulfill({ status: 401, json });
    });
    await release();
    await walk.page.getByTestId("token").fill(token);
    await walk.page.getByTestId("sign-in").getByRole("button").click();
    await walk.row("session.mp4", "done");
    walk.expect(refused === 1, "the session did not end");
    await walk.expectWhole("session.mp4");
    walk.forgive(/ 401 /);
  },
};

const result = {};
for (const [name, take] of Object.entries(walks)) {
  if (names.length > 0 && !names.includes(name)) continue;
  const errors = [];
  const { browser, context, page } = await openPage(errors);
  const walk = new Walk({ base, context, page, errors });
  try {
    await walk.begin();
    await take(walk);
  } catch (error) {
    errors.push(`${name}: ${error.message}`);
    if (process.env.SCREENSHOT) {
      const path = join(process.env.SCREENSHOT, `${name}.png`);
      await walk.page.screenshot({ path }).catch(() => undefined);
    }
  } finally {
    await browser.close();
  }
  result[name] = walk.unforgiven();
  console.error(name, result[name].length === 0 ? "is right" : result[name]);
}
rmSync(folder, { recursive: true });
console.log(JSON.stringify(result));
process.exitCode = Object.values(result).every((errors) => errors.length === 0) ? 0 : 1;
