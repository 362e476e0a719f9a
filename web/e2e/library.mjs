// Walks through the library: first run, search among many, filters, bulk changes, keyboard, offline.
//
//   node web/e2e/library.mjs BASE_URL [COUNT]
//
// The appliance is empty, lets this machine in without a token, and keeps deleted videos for a while
// (`housekeeping.purge_delay_secs`). COUNT uploads are registered there, 300 without it. Prints one JSON line:
//   found      titles that a search among all of them found
//   restored   number of videos that were deleted together and came back, by the toast and from the trash
//   retried    number of failed videos that were tried again together
//   keyboard   what the keys did
//   errors     errors of the page, the console and this script, and findings of axe
// and exits with 0 only if all is right.

import { apiOf, until, upload } from "./api.mjs";
import { expectAccessible } from "./axe.mjs";
import { openPage } from "./browser.mjs";

const [base, count = "300"] = process.argv.slice(2);
const COUNT = Number(count);
const BULK = 5;
const FAILED = 3;
const WORDS = ["river", "mountain", "lesson", "winter", "train", "piano", "desert"];

const errors = [];
const result = { errors };
const api = apiOf(base);
const { browser, context, page } = await openPage(errors, {
  viewport: { width: 1280, height: 900 },
});
const wrong = (what) => errors.push(`library: ${what}`);
const videos = page.getByTestId("video");
const count_ = page.getByTestId("count");
const listed = async (query) => (await api("GET", `/v1/videos?limit=200&${query}`)).videos;
const countIs = (number) =>
  count_.getByText(new RegExp(`^${number.toLocaleString()} videos?$`)).waitFor();

// Uploads that never come are records like any others.
async function register(at) {
  const title = `${WORDS[at % WORDS.length]} ${String(at).padStart(5, "0")}`;
  const more = at < BULK ? { tags: ["bulk"] } : { tags: [`group-${at % 10}`] };
  const isOdd = at === COUNT - 1;
  await api("POST", "/v1/uploads", {
    filename: `film_${at}.mp4`,
    size_bytes: 1000,
    title: isOdd ? "A day in Zanzibar" : title,
    ...more,
  });
}

async function registerAll() {
  const waiting = Array.from({ length: COUNT }, (_, at) => at);
  const work = async () => {
    for (let at = waiting.shift(); at !== undefined; at = waiting.shift()) await register(at);
  };
  await Promise.all(Array.from({ length: 16 }, work));
}

async function firstRun() {
  await page.goto(base);
  await page.getByTestId("first-run").waitFor();
  await expectAccessible(page, errors, "first run");
}

async function search() {
  // The new ones come by the event stream.
  await countIs(COUNT);
  await expectAccessible(page, errors, "cards");
  await page.getByTestId("search").fill("zanz");
  await countIs(1);
  result.found = await page.getByTestId("title").allInnerTexts();
  if (result.found.join() !== "A day in Zanzibar") wrong(`the search found ${result.found}`);
  await page.reload();
  await countIs(1);
  if (!page.url().includes("q=zanz")) wrong(`the address is ${page.url()}`);
  await page.getByTestId("search").fill("nothing like this");
  await page.getByTestId("none-found").waitFor();
  await expectAccessible(page, errors, "nothing found");
  await page.getByTestId("clear-filters").first().click();
  await countIs(COUNT);
}

async function filter() {
  await page.getByRole("combobox", { name: "State" }).selectOption({ label: "Ready" });
  await page.getByTestId("none-found").waitFor();
  await page.getByRole("combobox", { name: "State" }).selectOption({ label: "Awaiting upload" });
  await page.getByRole("combobox", { name: "Order" }).selectOption({ label: "Title Z to A" });
  await page.getByRole("button", { name: "Table", exact: true }).click();
  await page.getByTestId("library-table").waitFor();
  const last = (await listed("sort=-title"))[0].title;
  const isFirst = () =>
    until(
      `${last} is first`,
      async () => (await page.getByTestId("title").first().innerText()) === last,
    );
  await isFirst();
  await page.reload();
  await isFirst();
  await expectAccessible(page, errors, "table");
}

async function bulk() {
  await page.goto(`${base}/?tag=bulk`);
  await countIs(BULK);
  const bar = await selectAll(BULK);
  await bar.getByRole("button", { name: "Add a tag" }).click();
  await page.getByRole("dialog").getByLabel("Tag").fill("fresh");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await until("all are tagged", async () => (await listed("tag=fresh")).length === BULK);
  await expectAccessible(page, errors, "selection");
  await bar.getByRole("button", { name: "Delete" }).click();
  await confirmIfAsked();
  await until(
    "all are deleted",
    async () => (await listed("tag=bulk&state=deleting")).length === BULK,
  );
  await page.getByRole("button", { name: "Undo" }).first().click();
  const back = () => listed("tag=bulk&state=uploading");
  await until("all came back", async () => (await back()).length === BULK);
  result.restored = [(await back()).length];
  await countIs(BULK);
}

// Selects a short list, from its first to its last video.
async function selectAll(count) {
  await videos.first().getByRole("checkbox").check();
  await videos
    .last()
    .getByRole("checkbox")
    .click({ modifiers: ["Shift"] });
  const bar = page.getByTestId("selection");
  await bar.getByText(`${count} selected`).waitFor();
  return bar;
}

async function trash() {
  const bar = await selectAll(BULK);
  await bar.getByRole("button", { name: "Delete" }).click();
  const deleted = () => listed("tag=bulk&state=deleting");
  await until("all are deleted again", async () => (await deleted()).length === BULK);
  await page.goto(`${base}/?tag=bulk&state=deleting`);
  await countIs(BULK);
  const chosen = await selectAll(BULK);
  await expectAccessible(page, errors, "trash");
  await chosen.getByRole("button", { name: "Restore" }).click();
  const back = () => listed("tag=bulk&state=uploading");
  await until("all came back from the trash", async () => (await back()).length === BULK);
  await page.getByTestId("none-found").waitFor();
  result.restored.push((await back()).length);
}

async function retry() {
  const ids = [];
  for (let at = 0; at < FAILED; at += 1) {
    ids.push(await upload(api, `broken_${at}.mp4`, new Uint8Array(4096)));
  }
  const failed = async () => (await listed("state=failed")).length === FAILED;
  await until("they fail", failed);
  await page.goto(`${base}/?state=failed`);
  await countIs(FAILED);
  const answers = [];
  page.on("response", (answer) => {
    const id = /\/v1\/videos\/(\w+)\/retry$/.exec(new URL(answer.url()).pathname)?.[1];
    if (id && answer.status() === 202) answers.push(id);
  });
  const bar = await selectAll(FAILED);
  await bar.getByRole("button", { name: `Try ${FAILED} again` }).click();
  await page.getByTestId("toast").getByText("3 videos will be tried again").waitFor();
  await until("they fail once more", failed);
  result.retried = answers.length;
  if (answers.sort().join() !== ids.sort().join()) wrong(`tried again were ${answers}`);
}

// Where only a delete tells whether it can be undone, it is asked for.
async function confirmIfAsked() {
  const dialog = page.getByRole("alertdialog");
  const toast = page.getByTestId("toast");
  await dialog.or(toast).first().waitFor();
  if (await dialog.isVisible()) await dialog.getByRole("button", { name: "Delete" }).click();
}

// No mouse from here on.
async function keyboard() {
  await page.goto(`${base}/?tag=bulk&sort=title`);
  await countIs(BULK);
  const titles = await page.getByTestId("title").allInnerTexts();
  const focused = () =>
    page.evaluate(
      () =>
        document.activeElement?.closest("[data-testid=video]")?.querySelector("[data-testid=title]")
          ?.textContent ?? null,
    );
  for (let tabs = 0; (await focused()) === null && tabs < 40; tabs += 1)
    await page.keyboard.press("Tab");
  const begin = await focused();
  await page.keyboard.press("ArrowRight");
  const second = await focused();
  await page.keyboard.press("Space");
  await page.getByTestId("selection").getByText("1 selected").waitFor();
  await page.keyboard.press("Delete");
  await until("it is deleted", async () => (await listed("tag=bulk&state=deleting")).length === 1);
  await page.keyboard.press("Control+z");
  await until(
    "it came back",
    async () => (await listed("tag=bulk&state=uploading")).length === BULK,
  );
  await countIs(BULK);
  await until("the focus is in the list", async () => (await focused()) !== null);
  const opened = await focused();
  await page.keyboard.press("Enter");
  await page.waitForURL("**/watch/*");
  result.keyboard = { begin, second, opened };
  if (begin !== titles[0] || second !== titles[1]) wrong(`the focus went to ${begin}, ${second}`);
}

async function offline() {
  await page.goto(base);
  await countIs(COUNT);
  await context.setOffline(true);
  await page.getByTestId("offline").waitFor();
  await page.getByTestId("search").fill("zanz");
  await page
    .getByTestId("library-offline")
    .or(count_.getByText("Loading videos"))
    .first()
    .waitFor();
  await context.setOffline(false);
  await page.getByTestId("offline").waitFor({ state: "detached" });
  await countIs(1);
}

try {
  page.setDefaultTimeout(30_000);
  await firstRun();
  await registerAll();
  await search();
  await filter();
  await bulk();
  await trash();
  await keyboard();
  await offline();
  await retry();
} catch (error) {
  errors.push(`library: ${error.stack ?? error.message}`);
  if (process.env.SCREENSHOT)
    await page.screenshot({ path: process.env.SCREENSHOT }).catch(() => {});
} finally {
  await browser.close();
}
// The network is cut as part of this.
const unexpected = errors.filter((error) => !error.includes("ERR_INTERNET_DISCONNECTED"));
console.log(JSON.stringify({ ...result, errors: unexpected }));
process.exitCode = unexpected.length === 0 ? 0 : 1;
