// The system as it is: health, failures, playback, and a dead letter that is retried and deleted.

import { until, upload } from "../api.mjs";

const NO_VIDEO_BYTES = 4096;

export async function walkSystem({ api, page, result, expect, go, accessible }) {
  const id = await upload(api, "no-video.mp4", new Uint8Array(NO_VIDEO_BYTES));
  await until("the video fails", async () => {
    const { state } = await api("GET", `/v1/videos/${id}`);
    return state === "failed";
  });

  await go("/system");
  const health = page.getByTestId("health").locator("[data-state]");
  await health.waitFor();
  expect((await health.getAttribute("data-state")) === "ok", "the box is not well");
  const { version, backends } = await api("GET", "/v1/system");
  await page.getByTestId("version").getByText(version, { exact: true }).waitFor();
  await page.locator('[data-testid="backend"][data-state="available"]').first().waitFor();
  expect(
    (await page.getByTestId("backend").count()) === backends.length,
    "not each backend has a card",
  );
  await page.getByTestId("hour").waitFor();
  await accessible("system");

  await page.locator('a[href="/system/failures"]').click();
  const group = page.locator('[data-testid="failure"][data-code="not-media"]');
  await group.waitFor();
  const shown = page.getByTestId("failure");
  result.failures = await shown.evaluateAll((all) => all.map((one) => one.dataset.code));
  expect((await group.locator(`a[href="/watch/${id}"]`).count()) === 1, "the video has no link");
  const videos = await group.getByRole("link", { name: /^Show/ }).getAttribute("href");
  expect(videos === "/?state=failed&code=not-media", `the videos are at ${videos}`);
  await accessible("failures");

  await page.locator('a[href="/system/playback"]').click();
  await page.getByTestId("qoe").getByRole("heading").nth(1).or(page.getByTestId("views")).waitFor();
  await accessible("playback");
}

export async function walkQueue({ api, page, result, expect, go, accessible }) {
  const letters = async () => (await api("GET", "/v1/dead-letters")).dead_letters;
  const [first] = await until("a dead letter", async () => {
    const found = await letters();
    return found.length > 0 && found;
  });
  await go("/system/queue");
  const letter = (id) => page.locator(`[data-testid="dead-letter"][data-id="${id}"]`);
  await letter(first.id).getByText(first.reason).waitFor();
  await letter(first.id).getByText("Message", { exact: true }).click();
  await letter(first.id).getByText(first.body, { exact: true }).waitFor();
  await accessible("queue");

  await letter(first.id).getByRole("button", { name: "Try again" }).click();
  await letter(first.id).waitFor({ state: "detached" });
  const [second] = await until("the message fails again", async () => {
    const found = await letters();
    return found.length > 0 && found[0].id !== first.id && found;
  });
  result.retried = true;
  // It came after the list was read.
  await until("the list shows it", async () => {
    if ((await letter(second.id).count()) > 0) return true;
    await page.getByTestId("dead-letters").getByRole("button", { name: "Read again" }).click();
    return false;
  });
  await letter(second.id).getByRole("button", { name: "Delete" }).click();
  const dialog = page.getByRole("alertdialog");
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await dialog.waitFor({ state: "detached" });
  expect((await letters()).length === 1, "a cancelled delete deleted");
  await letter(second.id).getByRole("button", { name: "Delete" }).click();
  await accessible("delete a dead letter");
  await dialog.getByRole("button", { name: "Delete" }).click();
  await letter(second.id).waitFor({ state: "detached" });
  await until("the dead letter is deleted", async () => (await letters()).length === 0);
  await page.getByTestId("no-dead-letters").waitFor();
  result.deleted = true;
  await accessible("an empty queue");
}
