// Walks through the views of an operator: system, queue, failures, examination, settings, webhooks, tokens.
//
//   node web/e2e/operator.mjs BASE_URL [TOKEN]
//
// The server has `webhooks.allow_private` and one dead letter: a message that is no JSON, so that a retry gives another
// one. TOKEN is one of an admin; without it, one is made, which a server without tokens allows on its own machine.
// Prints one JSON line:
//   retried     whether the dead letter was retried, and became another one
//   deleted     whether that one was deleted then
//   failures    the codes that are shown
//   findings    number of findings of the examination that are shown
//   settings    number of settings that are shown
//   delivered   whether the test event reached the receiver, signed
//   token_status  answers to a new token before and after it was revoked
//   errors      errors of the page and of this script, and findings of axe
// and exits with 0 only if there is no error.

import { apiOf } from "./api.mjs";
import { expectAccessible } from "./axe.mjs";
import { openPage } from "./browser.mjs";
import { walkBusyBox } from "./operator/busy.mjs";
import { walkDoctor } from "./operator/doctor.mjs";
import { walkBrowser, walkSettings } from "./operator/settings.mjs";
import { walkQueue, walkSystem } from "./operator/system.mjs";
import { walkTokens } from "./operator/tokens.mjs";
import { walkWebhooks } from "./operator/webhooks.mjs";

const [base, given] = process.argv.slice(2);
const errors = [];
const result = {};
const { browser, context, page } = await openPage(errors);
page.setDefaultTimeout(30_000);

const expect = (isTrue, what) => {
  if (!isTrue) errors.push(`operator: ${what}`);
};
const go = (path) => page.goto(new URL(path, base).href);

try {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const request = { name: "walk", scopes: ["admin"] };
  const token = given ?? (await apiOf(base)("POST", "/v1/tokens", request)).token;
  const walk = {
    api: apiOf(base, token),
    base,
    page,
    result,
    expect,
    go,
    accessible: (name) => expectAccessible(page, errors, name),
  };
  await go("/");
  await page.getByTestId("token").fill(token);
  await page.getByTestId("sign-in").getByRole("button").click();
  await page.getByTestId("account").waitFor();
  for (const part of [
    walkSystem,
    walkQueue,
    walkDoctor,
    walkSettings,
    walkWebhooks,
    walkTokens,
    walkBrowser,
    walkBusyBox,
  ]) {
    await part(walk);
  }
} catch (error) {
  errors.push(`operator: ${error.stack ?? error.message}`);
} finally {
  await browser.close();
}
// The box that the last part pretends to be is not ready, and its session may do nothing.
// The deliveries of a webhook may be asked for once more after it was removed.
const EXPECTED = /status of (503.*readyz|404.*\/deliveries|409.*\/retry)/;
const unexpected = errors.filter((error) => !EXPECTED.test(error));
console.log(JSON.stringify({ ...result, errors: unexpected }));
process.exitCode = unexpected.length === 0 ? 0 : 1;
