// Settings in effect, and those of this browser.

export async function walkSettings({ api, page, result, expect, go, accessible }) {
  const { settings } = await api("GET", "/v1/system/settings");
  await go("/settings");
  const rows = page.getByTestId("setting");
  await rows.first().waitFor();
  result.settings = await rows.count();
  expect(result.settings === settings.length, `${settings.length} settings are in effect`);
  await accessible("settings");

  const search = page.getByRole("searchbox", { name: "Search settings" });
  const row = (key) => page.locator(`[data-testid="setting"][data-key="${key}"]`);
  await search.fill("HTTP listen");
  await row("data_dir").waitFor({ state: "detached" });
  const listen = settings.find(({ key }) => key === "http.listen");
  await row("http.listen").getByText(listen.value, { exact: true }).first().waitFor();
  const secret = settings.find(({ is_secret: isSecret }) => isSecret);
  await search.fill(secret.key);
  await row(secret.key).getByText("hidden").waitFor();
  await search.fill("nothing has this name");
  await page.getByText("No setting matches").waitFor();
  await search.fill("");
  await page.getByRole("switch", { name: "Changed ones alone" }).click();
  const changed = settings.filter(({ origin }) => origin !== "default");
  await page.getByText(`${changed.length} of ${settings.length} settings`).waitFor();
  expect((await rows.count()) === changed.length, "the defaults are still shown");
}

export async function walkBrowser({ page, expect, go, accessible }) {
  await go("/settings/browser");
  const theme = () => page.evaluate(() => document.documentElement.dataset.theme ?? "system");
  // By the keyboard: the choices are a group of radio buttons.
  await page.getByRole("radio", { name: "As the system" }).focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  expect((await theme()) === "dark", `the colours are ${await theme()}`);
  await accessible("this browser, dark");
  await page.reload();
  expect((await theme()) === "dark", "the colours are not kept");
  await page.getByRole("radio", { name: "As the system" }).check({ force: true });
  expect((await theme()) === "system", "the colours do not follow the system again");
  await page.getByRole("button", { name: "Sign out everywhere" }).waitFor();
}
