// A webhook from its making to its end, with a receiver of this script.

import { once } from "node:events";
import { createServer } from "node:http";
import { until } from "../api.mjs";

const HEADERS = ["webhook-id", "webhook-timestamp", "webhook-signature"];

// Takes events and remembers them.
async function receiver() {
  const received = [];
  const server = createServer((request, response) => {
    request.on("data", () => undefined);
    request.on("end", () => {
      received.push(request.headers);
      response.writeHead(204).end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { received, url: `http://127.0.0.1:${server.address().port}/hook`, server };
}

export async function walkWebhooks(walk) {
  const { received, url, server } = await receiver();
  try {
    await walkOne(walk, received, url);
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

async function walkOne({ api, page, result, expect, go, accessible }, received, url) {
  const webhooks = async () => (await api("GET", "/v1/webhooks")).webhooks;
  await go("/settings/webhooks");
  await page.getByText("No webhooks yet").waitFor();
  await accessible("no webhooks");

  await page.getByTestId("new-webhook").click();
  const form = page.getByTestId("webhook-form");
  await form.getByLabel("URL").fill("http://169.254.0.1:1/");
  await form.getByLabel("Description").fill("Walk");
  await form.getByRole("switch", { name: "All events" }).click();
  await accessible("new webhook");
  await form.getByRole("button", { name: "Create" }).click();
  await form.getByText("Choose one event at least.").waitFor();
  await form.getByRole("checkbox", { name: /video\.updated/ }).click();
  await form.getByLabel("URL").fill(url);
  await form.getByRole("button", { name: "Create" }).click();
  const secret = await page.getByTestId("webhook-secret").inputValue();
  await page.getByRole("button", { name: /^Copy/ }).click();
  await page.getByText("Copied").first().waitFor();
  expect((await clipboard(page)) === secret, "the secret was not copied");
  expect(secret.startsWith("whsec_"), "the secret is none");
  await accessible("the secret of a webhook");
  await page.getByRole("button", { name: "Done" }).click();
  const [made] = await webhooks();
  expect(made.events.join() === "video.updated", `it gets ${made.events}`);

  await page.getByTestId("webhook").getByRole("link").click();
  await page.getByTestId("webhook-page").waitFor();
  await page.getByRole("button", { name: "Send a test event" }).click();
  await page.getByTestId("toast").getByText("Your server answered 204").waitFor();
  await page.locator('[data-testid="delivery"][data-state="delivered"]').waitFor();
  result.delivered = HEADERS.every((name) => received[0]?.[name]);
  expect(result.delivered, "the test event is not signed");
  await accessible("a webhook");

  const { videos } = await api("GET", "/v1/videos?limit=1");
  await api("PATCH", `/v1/videos/${videos[0].id}`, { title: "Renamed by the walk" });
  await until("an event comes", () => received.length === 2);
  await page.reload();
  const updated = page.getByTestId("delivery").filter({ hasText: "video.updated" });
  await updated.getByRole("button", { name: "Send again" }).click();
  await until("the event comes again", () => received.length === 3);
  await page.getByTestId("webhook-on").click();
  await until("it is paused", async () => (await webhooks())[0].state === "paused");
  await page.getByText("Paused", { exact: true }).waitFor();

  const menu = page.getByRole("button", { name: "More for Walk" });
  await menu.click();
  await page.getByRole("menuitem", { name: "Edit the webhook" }).click();
  await form.getByLabel("Description").fill("Renamed");
  await form.getByRole("button", { name: "Save" }).click();
  await page.getByRole("heading", { name: "Renamed" }).waitFor();
  await until("it is renamed", async () => (await webhooks())[0].description === "Renamed");

  await page.getByRole("button", { name: "More for Renamed" }).click();
  await page.getByRole("menuitem", { name: "New secret" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "New secret" }).click();
  const rotated = await page.getByTestId("webhook-secret").inputValue();
  expect(rotated.startsWith("whsec_") && rotated !== secret, "the secret is the old one");
  await page.getByRole("button", { name: "Done" }).click();

  await page.getByRole("button", { name: "More for Renamed" }).click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete" }).click();
  await page.getByText("No webhooks yet").waitFor();
  expect((await webhooks()).length === 0, "the webhook is still there");
}

const clipboard = (page) => page.evaluate(() => navigator.clipboard.readText());
