// The same views on a busy box, and for somebody without rights.

import { pretendBusyBox } from "./box.mjs";
import { walkTroubles } from "./doctor.mjs";

const WIDTHS = [320, 1280, 3840];

export async function walkBusyBox(walk) {
  const { page, expect, go, accessible } = walk;
  await pretendBusyBox(page, { isBroken: true });
  await go("/system");
  await page.getByText("no backend can encode").waitFor();
  for (const plot of ["cpu", "memory", "queue", "network", "gpu-0", "gpu-memory-0"]) {
    await page.getByTestId(`plot-${plot}`).locator("canvas").waitFor();
  }
  const words = await page.getByTestId("plot-gpu-0").locator("p").first().textContent();
  expect(/^GPU: now \d+ %, peak \d+ %; Encoder: /.test(words), `the plot reads ${words}`);
  await page.getByTestId("plot-cpu").locator(".u-over").hover();
  await page.getByTestId("plot-cpu").getByText("All cores").nth(1).waitFor();
  expect(
    (await page.locator('[data-testid="backend"][data-state="quarantined"]').count()) === 1,
    "the backend that was set aside has no card",
  );
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 900 });
    const isWide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    expect(!isWide, `the page is wider than a window of ${width} px`);
  }
  await page.setViewportSize({ width: 1280, height: 720 });
  await accessible("a busy box");
  await page.emulateMedia({ colorScheme: "dark" });
  await accessible("a busy box, dark");
  await page.emulateMedia({ colorScheme: null });

  await page.locator('nav a[href="/system/queue"]').click();
  const letters = page.getByTestId("dead-letter");
  await letters.nth(2).waitFor();
  await page.getByRole("button", { name: "Show more" }).click();
  await letters.nth(3).waitFor();
  // A retry that fails comes back.
  await page.route("**/v1/dead-letters/*/retry", (route) =>
    route.fulfill({ status: 409, json: { code: "conflict", detail: "the video is deleted" } }),
  );
  await letters.first().getByRole("button", { name: "Try again" }).click();
  await page.getByTestId("toast").getByText("the video is deleted").waitFor();
  await letters.nth(3).waitFor();

  await page.locator('a[href="/system/playback"]').click();
  await page.getByTestId("views").getByText("18,342").waitFor();
  await page.getByRole("row", { name: /Embedded players/ }).waitFor();
  await accessible("playback of many");
  await walkTroubles(walk);

  await page.route("**/v1/session", (route) =>
    route.fulfill({ json: { by: "session", name: "up", scopes: ["upload"], insecure: false } }),
  );
  for (const path of ["/system", "/settings", "/settings/webhooks", "/settings/tokens"]) {
    await go(path);
    await page.getByText(/This needs the scope “\w+”/).waitFor();
  }
  await accessible("without rights");
}
