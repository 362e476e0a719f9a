// Opens the menu of chapters of a video on the page, in a headless Chromium, and chooses the last one.
//
//   node web/e2e/chapters.mjs BASE_URL VIDEO_ID
//
// Prints one JSON line:
//   titles  texts of the menu
//   chosen  seconds at which the player stands after the last chapter was chosen
//   errors  errors of the page, the console and this script
// and exits with 0 only if there is no error. SCREENSHOT names a file for a screenshot.

import { openPage } from "./browser.mjs";

const [base, id] = process.argv.slice(2);
const LIMIT_MS = 60_000;

const errors = [];
const result = { titles: [], chosen: null, errors };

const { browser, page } = await openPage(errors, { viewport: { width: 1000, height: 900 } });
try {
  page.setDefaultTimeout(LIMIT_MS);
  await page.goto(`${base}/watch/${id}`);
  await page.waitForFunction(() => document.querySelector("video")?.currentTime > 0);
  await page.evaluate(() => document.querySelector("video").pause());
  const button = page.locator("button.vjs-chapters-button");
  await button.click();
  const items = page.locator(".vjs-chapters-button .vjs-menu-item .vjs-menu-item-text");
  await items.last().waitFor();
  result.titles = await items.allTextContents();
  if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT });
  await items.last().click();
  await page.waitForFunction(() => !document.querySelector("video").seeking);
  result.chosen = await page.evaluate(() => document.querySelector("video").currentTime);
} catch (error) {
  errors.push(`chapters: ${error.message}`);
} finally {
  await browser.close();
}
console.log(JSON.stringify(result));
process.exitCode = errors.length === 0 ? 0 : 1;
