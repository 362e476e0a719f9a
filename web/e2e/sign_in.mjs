// Signs in on the page: by a wrong token, by a link, and out again.
//
//   node web/e2e/sign_in.mjs LINK [FOLDER]
//
// Writes screenshots of each step into FOLDER, wide and narrow. Prints one JSON line:
//   error     the message after a wrong token
//   account   the name that is shown after the sign-in
//   hash      the part of the address behind `#` then
//   again     the message of the same link, used once more
//   signed_out whether the form came back
//   errors    errors of the page and of this script
// and exits with 0 only if there is no error.

import { openPage } from "./browser.mjs";

const [link, folder] = process.argv.slice(2);
const errors = [];
const result = {};
const { browser, page } = await openPage(errors);
const shoot = async (name) => {
  if (!folder) return;
  for (const [size, width] of [
    ["wide", 1280],
    ["narrow", 380],
  ]) {
    await page.setViewportSize({ width, height: 700 });
    await page.screenshot({ path: `${folder}/${name}-${size}.png` });
  }
};
try {
  page.setDefaultTimeout(20_000);
  await page.goto(new URL("/", link).href);
  await page.getByTestId("sign-in").waitFor();
  await shoot("form");
  await page.getByTestId("token").fill("ldr_wrong");
  await page.getByTestId("sign-in").getByRole("button").click();
  result.error = await page.getByTestId("error").textContent();
  await shoot("wrong");
  await page.goto("about:blank");
  await page.goto(link);
  await page.getByTestId("account").waitFor();
  result.account = (await page.getByTestId("account").textContent()).trim();
  result.hash = new URL(page.url()).hash;
  await shoot("signed-in");
  await page.getByTestId("sign-out").click();
  await page.getByTestId("sign-in").waitFor();
  result.signed_out = true;
  await page.goto("about:blank");
  await page.goto(link);
  result.again = await page.getByTestId("error").textContent();
  await shoot("used");
} catch (error) {
  errors.push(`sign_in: ${error.message}`);
} finally {
  await browser.close();
}
// Refused requests are part of this.
const unexpected = errors.filter((error) => !error.includes("401"));
console.log(JSON.stringify({ ...result, errors: unexpected }));
process.exitCode = unexpected.length === 0 ? 0 : 1;
