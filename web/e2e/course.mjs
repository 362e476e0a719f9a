// Uploads a lesson in the example `examples/express-react`, and watches it once a webhook has said that it is ready.
//
//   node web/e2e/course.mjs COURSE FILE API SECRET
//
// COURSE is the URL of the example, API that of the appliance. With a SECRET, this script delivers the webhook itself,
// signed by the library that receivers use; without one, the appliance has to.
//
// Prints one JSON line:
//   forged   the status of a delivery with a wrong signature
//   played   the position at which the player is at the end
//   errors   errors of the page and of this script
// and exits with 0 only if there is no error.

import { createRequire } from "node:module";
import { openPage } from "./browser.mjs";

const [course, file, api, secret] = process.argv.slice(2);
const errors = [];
const result = {};
const { browser, page } = await openPage(errors);

const video = async () => (await (await fetch(`${api}/v1/videos`)).json()).videos[0];

async function deliver(key) {
  const require = createRequire(new URL("../../examples/express-react/package.json", import.meta.url));
  const { Webhook } = require("standardwebhooks");
  let data = await video();
  while (data?.state !== "ready") {
    await new Promise((resolve) => setTimeout(resolve, 200));
    data = await video();
  }
  const [id, timestamp] = [`evt_${Date.now()}`, new Date()];
  const body = JSON.stringify({ type: "video.ready", timestamp: timestamp.toISOString(), data });
  const headers = {
    "content-type": "application/json",
    "webhook-id": id,
    "webhook-timestamp": String(Math.floor(timestamp.getTime() / 1000)),
    "webhook-signature": new Webhook(key).sign(id, timestamp, body),
  };
  return (await fetch(new URL("/webhook", course), { method: "POST", headers, body })).status;
}

try {
  page.setDefaultTimeout(60_000);
  await page.goto(course);
  await page.locator("input[name=title]").fill("The first lesson");
  await page.locator("input[name=file]").setInputFiles(file);
  await page.getByRole("button", { name: "Upload" }).click();
  await page.getByText("Uploaded", { exact: true }).waitFor();
  if (secret) {
    result.forged = await deliver(`whsec_${btoa("another secret of 24 bytes")}`);
    result.delivered = await deliver(secret);
  }
  await page.getByRole("button", { name: "Watch" }).click();
  await page.waitForFunction(() => document.querySelector("video")?.currentTime > 1);
  result.played = await page.evaluate(() => document.querySelector("video").currentTime);
} catch (error) {
  errors.push(`course: ${error.message} ${await page.locator("body").textContent().catch(() => "")}`);
} finally {
  await browser.close();
}
console.log(JSON.stringify({ ...result, errors }));
process.exitCode = errors.length === 0 ? 0 : 1;
