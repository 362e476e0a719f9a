// Opens the reference of the API, wide and narrow.
//
//   node web/e2e/docs.mjs API [FOLDER]
//
// Writes screenshots into FOLDER. Prints one JSON line:
//   operations the ids of the operations that are shown
//   overflow   the widths at which the page is wider than its window
//   example    the text of the first example of `createUpload`
//   hosts      all hosts that the page loads from
//   errors     errors of the page and of this script, and findings of axe
// and exits with 0 only if there is no error.

import { expectAccessible } from "./axe.mjs";
import { openPage } from "./browser.mjs";

const [api, folder] = process.argv.slice(2);
const errors = [];
const result = { operations: [], overflow: [], hosts: [] };
const { browser, page } = await openPage(errors);
page.on("request", (request) => {
  const { host, protocol } = new URL(request.url());
  if (protocol.startsWith("http") && !result.hosts.includes(host)) result.hosts.push(host);
});
try {
  page.setDefaultTimeout(20_000);
  for (const width of [390, 1440]) {
    await page.setViewportSize({ width, height: 900 });
    await page.goto(new URL("/docs#createUpload", api).href);
    await page.reload();
    await page.locator("#createUpload").waitFor();
    if (folder) await page.screenshot({ path: `${folder}/docs-${width}.png` });
    for (const details of await page.locator("#createUpload details").all()) {
      await details.evaluate((one) => {
        one.open = true;
      });
    }
    if (folder)
      await page.locator("#createUpload").screenshot({ path: `${folder}/operation-${width}.png` });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    if (wide) result.overflow.push(width);
    await page.evaluate(() => scrollTo(0, 0));
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      if (folder) await page.screenshot({ path: `${folder}/top-${width}-${colorScheme}.png` });
    }
  }
  // Dark, as the loop ends.
  await expectAccessible(page, errors, "docs");
  result.operations = await page.locator("article").evaluateAll((all) => all.map((one) => one.id));
  result.example = await page.locator("#createUpload pre").first().textContent();
} catch (error) {
  errors.push(`docs: ${error.message}`);
} finally {
  await browser.close();
}
console.log(JSON.stringify({ ...result, errors }));
process.exitCode = errors.length === 0 ? 0 : 1;
