// Headless Chromium for the scripts of this folder.

import { chromium } from "playwright-core";

// Opens an empty page. Errors of the page and of its console are added to `errors`. `flags` are further flags of
// Chromium, and so are those in CHROMIUM_FLAGS.
export async function openPage(errors, options = {}, flags = []) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--autoplay-policy=no-user-gesture-required",
      ...flags,
      ...(process.env.CHROMIUM_FLAGS ?? "").split(" ").filter((flag) => flag !== ""),
    ],
  });
  // axe opens a page of its own in the context, which that of `browser.newPage` does not allow.
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.on("pageerror", (error) => errors.push(`page: ${error.stack ?? error.message}`));
  page.on("console", (line) => {
    if (line.type() === "error") errors.push(`console: ${line.text()} ${line.location().url}`);
  });
  return { browser, context, page };
}
