// Signs in on the page: by a wrong token, by a link, and out again; and once more after its token was revoked.
//
//   node web/e2e/sign_in.mjs LINK [FOLDER]
//
// LINK is a sign-in link of an admin. Writes screenshots of each step into FOLDER, wide and narrow. Prints one JSON
// line:
//   error     the message after a wrong token
//   account   the name that is shown after the sign-in
//   hash      the part of the address behind `#` then
//   ended     the message after the token of the session was revoked
//   back      the path at which the page is after the next sign-in; it was at /system/failures
//   again     the message of the same link, used once more
//   signed_out whether the form came back
//   errors    errors of the page and of this script
// and exits with 0 only if there is no error.

import { apiOf } from "./api.mjs";
import { expectAccessible } from "./axe.mjs";
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
const signIn = async (token) => {
  await page.getByTestId("token").fill(token);
  await page.getByTestId("sign-in").getByRole("button").click();
};
// From the page, whose session may make tokens.
const make = (name, scopes) =>
  page.evaluate(
    async (request) => {
      const response = await fetch("/v1/tokens", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(request),
      });
      return response.json();
    },
    { name, scopes },
  );
// Under this path, and signed in by this token.
const VIEW = "/system/failures";

try {
  page.setDefaultTimeout(20_000);
  await page.goto(new URL("/", link).href);
  await page.getByTestId("sign-in").waitFor();
  await expectAccessible(page, errors, "sign-in");
  await shoot("form");
  await signIn("ldr_wrong");
  result.error = await page.getByTestId("error").textContent();
  await expectAccessible(page, errors, "a wrong token");
  await shoot("wrong");
  await page.goto("about:blank");
  await page.goto(link);
  await page.getByTestId("account").waitFor();
  result.account = (await page.getByTestId("account").textContent()).trim();
  result.hash = new URL(page.url()).hash;
  await shoot("signed-in");

  const [admin, first, second] = [
    await make("walk-admin", ["admin"]),
    await make("first", ["read"]),
    await make("second", ["read"]),
  ];
  await page.getByTestId("sign-out").click();
  await signIn(first.token);
  await page.getByRole("link", { name: "System", exact: true }).click();
  await page.locator(`a[href="${VIEW}"]`).click();
  await page.getByTestId("failures").waitFor();
  await apiOf(link, admin.token)("DELETE", `/v1/tokens/${first.id}`);
  // The view reads the system every few seconds.
  await page.getByTestId("sign-in").waitFor();
  result.ended = await page.getByTestId("error").textContent();
  await expectAccessible(page, errors, "an ended session");
  await shoot("ended");
  await signIn(second.token);
  await page.getByTestId("failures").waitFor();
  result.back = new URL(page.url()).pathname;
  if (result.back !== VIEW) errors.push(`sign_in: back at ${result.back}`);
  if (!result.ended.includes("session has ended")) errors.push(`sign_in: ${result.ended}`);

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
