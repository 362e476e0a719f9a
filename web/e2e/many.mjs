// Finds videos in a library of thousands, and scrolls through it, in a headless Chromium.
//
//   node web/e2e/many.mjs BASE_URL COUNT
//
// The appliance has COUNT ready videos: `Lesson 00000` and so on, of which each tenth has the tag `tenth` and the very
// first one the tag `zz-first`. Prints one JSON line:
//   found        titles that a search for one of them found
//   searched_ms  time from the last letter to the found video
//   cards, table while each of them scrolled: most videos and elements in the document, frames (number, p50, p95 and
//                longest in milliseconds), tasks above 50 ms (number, and the longest in milliseconds)
//   errors       errors of the page, the console and this script, and findings of axe
// and exits with 0 only if all was found, and the document stayed small. Times are told, and no condition.

import { apiOf, until } from "./api.mjs";
import { expectAccessible } from "./axe.mjs";
import { openPage } from "./browser.mjs";

const [base, given] = process.argv.slice(2);
const COUNT = Number(given);
const STEPS = 200;
const STEP_PX = 600;
// A screen of cards with what lies beside it.
const MAX_ITEMS = 80;

const errors = [];
const result = { errors };
const wrong = (what) => errors.push(`many: ${what}`);
const { browser, page } = await openPage(errors, { viewport: { width: 1280, height: 900 } });
const titleOf = (at) => `Lesson ${String(at).padStart(5, "0")}`;
const titles = page.getByTestId("title");
const countIs = (count) =>
  page
    .getByTestId("count")
    .getByText(new RegExp(`^${count.toLocaleString("en-US")} videos?$`))
    .waitFor();

async function search() {
  await page.goto(base);
  await countIs(COUNT);
  const wanted = titleOf(Math.floor(COUNT / 3));
  const begun = performance.now();
  await page.getByTestId("search").fill(wanted.slice("Lesson ".length));
  await countIs(1);
  result.searched_ms = Math.round(performance.now() - begun);
  result.found = await titles.allInnerTexts();
  if (result.found.join() !== wanted) wrong(`found is ${result.found}`);
  await page.getByTestId("search").fill("Lesson");
  await countIs(COUNT);
  await page.getByTestId("search").fill("");
  await countIs(COUNT);
}

// Tags of videos that no page has shown yet.
async function filter() {
  const tags = page.getByRole("combobox", { name: "Tag" });
  await tags.selectOption("zz-first");
  await countIs(1);
  if ((await titles.innerText()) !== titleOf(0)) wrong(`zz-first is ${await titles.innerText()}`);
  await tags.selectOption("tenth");
  await countIs(COUNT / 10);
  await tags.selectOption("");
  await countIs(COUNT);
}

async function scroll(view) {
  await page.goto(`${base}/?view=${view}`);
  await countIs(COUNT);
  const measured = await page.evaluate(
    async ([steps, px]) => {
      const tasks = [];
      const observer = new PerformanceObserver((list) => tasks.push(...list.getEntries()));
      observer.observe({ type: "longtask" });
      const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
      const frames = [];
      let [items, elements, last] = [0, 0, await frame()];
      for (let step = 0; step < steps; step += 1) {
        scrollBy(0, px);
        const now = await frame();
        frames.push(now - last);
        last = now;
        items = Math.max(items, document.querySelectorAll("[data-testid=video]").length);
        elements = Math.max(elements, document.querySelectorAll("*").length);
      }
      frames.sort((a, b) => a - b);
      const at = (share) => Math.round(frames[Math.floor((frames.length - 1) * share)]);
      const longest = Math.round(Math.max(0, ...tasks.map(({ duration }) => duration)));
      return {
        items,
        elements,
        frames: { count: frames.length, p50: at(0.5), p95: at(0.95), longest: at(1) },
        long_tasks: { count: tasks.length, longest },
      };
    },
    [STEPS, STEP_PX],
  );
  result[view] = measured;
  if (measured.items === 0 || measured.items > MAX_ITEMS) {
    wrong(`${measured.items} videos are in the document of the ${view}`);
  }
  // To the oldest video: the list grows page by page.
  const oldest = page.getByText(titleOf(0), { exact: true }).first();
  await until("the oldest video is shown", async () => {
    await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
    return oldest.isVisible();
  });
  await page.evaluate(() => scrollTo(0, 0));
  await page
    .getByText(titleOf(COUNT - 1), { exact: true })
    .first()
    .waitFor();
}

try {
  page.setDefaultTimeout(60_000);
  const { total } = await apiOf(base)("GET", "/v1/videos?limit=1");
  if (total !== COUNT) wrong(`the server has ${total} videos`);
  await search();
  await filter();
  await scroll("cards");
  await scroll("table");
  await expectAccessible(page, errors, "many");
} catch (error) {
  wrong(error.stack ?? error.message);
  const path = process.env.SCREENSHOT;
  if (path) await page.screenshot({ path }).catch(() => {});
} finally {
  await browser.close();
}
console.log(JSON.stringify(result));
process.exitCode = errors.length === 0 ? 0 : 1;
