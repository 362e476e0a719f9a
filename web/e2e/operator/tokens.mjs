// A token from its making to its end.

import { statusOf, until } from "../api.mjs";

export async function walkTokens({ base, page, result, expect, go, accessible }) {
  await go("/settings/tokens");
  const opener = page.getByTestId("new-token");
  // By the keyboard: the focus comes back to the button.
  await opener.focus();
  await page.keyboard.press("Enter");
  const form = page.getByTestId("token-form");
  await form.waitFor();
  await page.keyboard.press("Escape");
  await form.waitFor({ state: "detached" });
  await until("the focus is back", () =>
    opener.evaluate((button) => button === document.activeElement),
  );

  await opener.click();
  await form.getByLabel("Name").fill("Reader of the walk");
  await form.getByTestId("scope-upload").click();
  await form.getByTestId("scope-read").click();
  await form.getByLabel("Expires").selectOption("month");
  await accessible("new token");
  await form.getByRole("button", { name: "Create" }).click();
  const token = await page.getByTestId("token-text").inputValue();
  await page.getByRole("button", { name: /^Copy/ }).click();
  const copied = () => page.evaluate(() => navigator.clipboard.readText());
  await until("the token is copied", async () => (await copied()) === token);
  await accessible("the text of a token");
  result.token_status = [await statusOf(base, "/v1/videos", token)];
  const refused = await statusOf(base, "/v1/tokens", token);
  expect(refused === 403, `a reader gets ${refused} for the tokens`);
  await page.getByRole("button", { name: "Done" }).click();

  const row = page.locator('[data-testid="token-row"][data-name="Reader of the walk"]');
  await row.getByText("read", { exact: true }).waitFor();
  expect((await page.getByText(token).count()) === 0, "the text of the token is shown again");
  await accessible("tokens");
  await row.getByRole("button", { name: /^Revoke/ }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Revoke" }).click();
  await row.waitFor({ state: "detached" });
  result.token_status.push(await statusOf(base, "/v1/videos", token));
  expect(result.token_status.join() === "200,401", `the answers are ${result.token_status}`);
  await page.getByText(/has ended|have ended/).click();
  await page.getByTestId("ended-token").getByText("Reader of the walk").waitFor();
}
