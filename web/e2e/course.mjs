// Uploads a lesson in the example `examples/express-react`, and watches it once a webhook has said that it is ready.
//
//   node web/e2e/course.mjs COURSE FILE
//
// COURSE is the URL of the example. The appliance delivers the webhook; this script forges one first.
//
// Prints one JSON line:
//   forged   the status of the forged delivery
//   played   the position at which the player is at the end
//   errors   errors of the page and of this script
// and exits with 0 only if there is no error.

import { createRequire } from "node:module";
import { openPage } from "./browser.mjs";

const [course, file] = process.argv.slice(2);
const errors = [];
const result = {};
const { browser, page } = await openPage(errors);

// Tells the course that a lesson is ready, with a signature by a secret that the appliance does not have.
async function forge() {
  const require = createRequire(
    new URL("../../examples/express-react/package.json", import.meta.url),
  );
  const { Webhook } = require("standardwebhooks");
  const [lesson] = await (await fetch(new URL("/lessons", course))).json();
  const [id, timestamp] = ["evt_forged", new Date()];
  const data = { id: "00000000000000000000", passthrough: lesson.id };
  const body = JSON.stringify({ type: "video.ready", timestamp: timestamp.toISOString(), data });
  const headers = {
    "content-type": "application/json",
    "webhook-id": id,
    "webhook-timestamp": String(Math.floor(timestamp.getTime() / 1000)),
    "webhook-signature": new Webhook(`whsec_${btoa("another secret of 24 bytes")}`).sign(
      id,
      timestamp,
      body,
    ),
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
  result.forged = await forge();
  await page.getByRole("button", { name: "Watch" }).click();
  await page.waitForFunction(() => document.querySelector("video")?.currentTime > 1);
  result.played = await page.evaluate(() => document.querySelector("video").currentTime);
} catch (error) {
  errors.push(
    `course: ${error.message} ${await page
      .locator("body")
      .textContent()
      .catch(() => "")}`,
  );
} finally {
  await browser.close();
}
console.log(JSON.stringify({ ...result, errors }));
process.exitCode = errors.length === 0 ? 0 : 1;
