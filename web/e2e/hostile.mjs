// Opens pages of others in a headless Chromium, which try to read and to change the appliance.
//
//   node web/e2e/hostile.mjs BASE_URL VIDEO_ID [proxied TOKEN]
//
// The pages stand on another port of the same host, on another site, and under a foreign name that leads to the
// appliance's own port, as after DNS rebinding. With `proxied`, BASE_URL is a proxy's, and the browser has signed in
// with the token before; there is no rebound name then. Prints one JSON line:
//   attempts  outcome of each attempt by "page: attempt": "blocked", or the status that the page could read
//   signed_in whether the page worked after the sign-in
//   errors    errors of this script
// and exits with 0 only if there is no error.

import { createServer } from "node:http";
import { openPage } from "./browser.mjs";

const [base, id, mode, token] = process.argv.slice(2);
const api = new URL(base);

const errors = [];
const attempts = {};
let signedIn = false;

// Runs in a page: what it can read of a request, by name.
async function attack({ base, id }) {
  const outcome = async (request) => {
    try {
      const response = await request();
      return response.type === "opaque" ? "opaque" : response.status;
    } catch {
      return "blocked";
    }
  };
  const json = { "content-type": "application/json" };
  const body = JSON.stringify({ filename: "evil.mp4", size_bytes: 1 });
  const requests = {
    read: () => fetch(`${base}/v1/videos`),
    create: () => fetch(`${base}/v1/uploads`, { method: "POST", headers: json, body }),
    // A request that browsers send without asking the server before.
    simple: () =>
      fetch(`${base}/v1/videos/${id}/retry`, { method: "POST", mode: "no-cors", body: "x" }),
    delete: () => fetch(`${base}/v1/videos/${id}`, { method: "DELETE" }),
  };
  const outcomes = {};
  for (const [name, request] of Object.entries(requests)) {
    outcomes[name] = await outcome(request);
  }
  return outcomes;
}

// A form, which browsers send without asking, too, and whose answer becomes the page.
async function submitForm(page, action) {
  const answered = page.waitForResponse((response) => response.url() === action);
  const shown = page.waitForURL(action);
  await page.evaluate((target) => {
    const form = document.createElement("form");
    Object.assign(form, { method: "post", action: target });
    document.body.append(form);
    form.submit();
  }, action);
  const status = (await answered).status();
  // Until then, the navigation would interrupt the next one.
  await shown;
  return status;
}

const server = createServer((_, response) => {
  response.writeHead(200, { "content-type": "text/html" });
  response.end("<!doctype html><title>hostile</title><body>hostile</body>");
});
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
const { port } = server.address();

const rules = "MAP *.example 127.0.0.1";
// A page of the attacker has no policy of ours: it was loaded before its name came to point here.
const { browser, page } = await openPage([], { bypassCSP: true }, [
  `--host-resolver-rules=${rules}`,
]);
try {
  page.setDefaultTimeout(30_000);
  if (mode === "proxied") {
    await page.goto(base);
    await page.getByTestId("token").fill(token);
    await page.getByTestId("sign-in").getByRole("button").click();
    await page.getByTestId("account").waitFor();
    signedIn = (await page.evaluate(() => fetch("/v1/videos").then((r) => r.status))) === 200;
  }
  const pages = {
    "other port": `http://${api.hostname}:${port}/`,
    "other site": `http://evil.example:${port}/`,
  };
  for (const [name, url] of Object.entries(pages)) {
    await page.goto(url);
    const outcomes = await page.evaluate(attack, { base, id });
    for (const [attempt, outcome] of Object.entries(outcomes)) {
      attempts[`${name}: ${attempt}`] = outcome;
    }
    attempts[`${name}: form`] = await submitForm(page, `${base}/v1/videos/${id}/retry`);
  }
  if (mode !== "proxied") {
    const rebound = `http://rebound.example:${api.port}`;
    await page.goto(`${rebound}/`);
    const outcomes = await page.evaluate(attack, { base: rebound, id });
    for (const [attempt, outcome] of Object.entries(outcomes)) {
      attempts[`rebound name: ${attempt}`] = outcome;
    }
  }
} catch (error) {
  errors.push(`hostile: ${error.message}`);
} finally {
  await browser.close();
  server.close();
}
console.log(JSON.stringify({ attempts, signed_in: signedIn, errors }));
process.exitCode = errors.length === 0 ? 0 : 1;
