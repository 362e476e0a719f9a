// The examination of the box: asked for, and read by its troubles and their commands.

export async function walkDoctor({ api, page, result, expect, go, accessible }) {
  await go("/system");
  await page.locator('nav a[href="/system/doctor"]').click();
  await page.getByText("Not examined since the start").waitFor();
  await accessible("not examined");
  await page.getByTestId("examine").click();
  await page.getByTestId("examined").waitFor();
  const { report } = await api("GET", "/v1/doctor");
  const shown = page.getByTestId("finding");
  result.findings = await shown.count();
  expect(result.findings === report.findings.length, `${result.findings} findings are shown`);
  const worst = await page.getByTestId("examined").getAttribute("data-worst");
  expect(worst === report.worst, `the worst is ${worst}, not ${report.worst}`);
  await page.getByText(/^(All \d+ other checks|One other check)$/).click();
  const last = report.findings.findLast(({ severity }) => ["ok", "skipped"].includes(severity));
  await shown.last().getByText(last.what.replaceAll("`", "")).waitFor();
  await accessible("examined");
}

// The report of the box that `pretendBusyBox` makes.
export async function walkTroubles({ page, expect, go, accessible }) {
  await go("/system/doctor");
  const shown = page.getByTestId("finding");
  await shown.first().waitFor();
  const severities = await shown.evaluateAll((all) => all.map((one) => one.dataset.severity));
  expect(severities.slice(0, 3).join() === "error,warning,note", `they are ${severities}`);
  await page.getByRole("button", { name: "Copy the command for clock" }).click();
  await page.getByTestId("toast").getByText("Command copied").waitFor();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  expect(copied.startsWith("timedatectl set-ntp true"), `the command is ${copied}`);
  await accessible("troubles");
}
