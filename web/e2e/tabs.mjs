// Opens the page in eight tabs of one browser: they share one event stream, and all of them follow it.
//
//   node web/e2e/tabs.mjs BASE_URL [TOKEN]
//
// A browser opens six connections to a host over HTTP/1.1, so that eight streams would leave none for anything else.
// Prints one JSON line:
//   streams   event streams that were opened until all eight tabs showed a change
//   seen      tabs that showed it
//   streams_after  the same after the tab with the stream was closed, until the others showed a second change
//   seen_after     tabs that showed the second one
//   slowest_ms     the longest request that a tab made meanwhile
//   errors    errors of the tabs and of this script
// and exits with 0 only if one stream served all tabs before and after, and no request hung.

import { apiOf, until } from "./api.mjs";
import { openPage } from "./browser.mjs";

const [base, token] = process.argv.slice(2);
const TABS = 8;
const SLOW_MS = 10_000;

const errors = [];
const result = { streams: 0, seen: 0, streams_after: 0, seen_after: 0, slowest_ms: 0 };
const { browser, context, page } = await openPage(errors);
context.setDefaultTimeout(60_000);
// Each stream with the tab that opened it. A tab that is closed ends its own.
const streams = [];
context.on("request", (request) => {
  if (new URL(request.url()).pathname !== "/v1/events") return;
  streams.push({ request, tab: request.frame().page() });
});
const isOpen = ({ request, tab }) => !tab.isClosed() && request.failure() === null;

const api = apiOf(base, token);
const change = async (title) => api("PATCH", `/v1/videos/${id}`, { title });
// The library is what tells: a change that did not come by the stream would not be shown.
const shows = async (tabs, title) => {
  const shown = tabs.map((tab) => tab.getByText(title).first().waitFor());
  return (await Promise.allSettled(shown)).filter(({ status }) => status === "fulfilled").length;
};
const slowest = (tabs) =>
  Promise.all(
    tabs.map((tab) =>
      tab.evaluate(async () => {
        const begun = performance.now();
        await (await fetch("/v1/session", { cache: "no-store" })).text();
        return performance.now() - begun;
      }),
    ),
  ).then((all) => Math.round(Math.max(...all)));

let id = "";
try {
  id = (await api("POST", "/v1/uploads", { filename: "tabs.mp4", size_bytes: 1000 })).video_id;
  await change("before");
  const tabs = [page];
  await page.goto(base);
  if (token) {
    await page.getByTestId("token").fill(token);
    await page.getByTestId("sign-in").getByRole("button").click();
  }
  while (tabs.length < TABS) {
    const tab = await context.newPage();
    tab.on("pageerror", (error) => errors.push(`tab: ${error.message}`));
    tabs.push(tab);
    await tab.goto(base);
  }
  await shows(tabs, "before");
  result.slowest_ms = await slowest(tabs);

  await change("first change");
  result.seen = await shows(tabs, "first change");
  result.streams = streams.length;
  const [leading] = streams.filter(isOpen);
  if (!leading) throw new Error("no tab has a stream");
  await leading.tab.close();
  const others = tabs.filter((tab) => tab !== leading.tab);
  const follower = await until("another stream", () => streams.filter(isOpen)[0]);
  await follower.request.response();
  await change("second change");
  result.seen_after = await shows(others, "second change");
  result.streams_after = streams.filter(isOpen).length;
  result.slowest_ms = Math.max(result.slowest_ms, await slowest(others));

  const expect = (name, value) => {
    if (result[name] !== value) errors.push(`tabs: ${name} is ${result[name]}, not ${value}`);
  };
  expect("streams", 1);
  expect("seen", TABS);
  expect("streams_after", 1);
  expect("seen_after", TABS - 1);
  if (result.slowest_ms > SLOW_MS) errors.push(`tabs: a request took ${result.slowest_ms} ms`);
} catch (error) {
  errors.push(`tabs: ${error.message}`);
} finally {
  await browser.close();
}
console.log(JSON.stringify({ ...result, errors }));
process.exitCode = errors.length === 0 ? 0 : 1;
