// Measures library and watch by Lighthouse: median of some runs, desktop.
//
//   node web/e2e/lighthouse.mjs BINARY [RUNS]
//
// npx fetches Lighthouse, unless LIGHTHOUSE names its program. Prints the scores, the times in milliseconds and what
// the runs found, and exits with 0 only if the medians reach the goals: performance 95, accessibility 100, best
// practices 100.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { json, makeClip, settled, startAppliance, upload } from "./appliance.mjs";

const [binary, runs = "5"] = process.argv.slice(2);
const PROGRAM = process.env.LIGHTHOUSE
  ? [process.env.LIGHTHOUSE]
  : ["npx", "--yes", "lighthouse@12.2.3"];
const GOALS = { performance: 95, accessibility: 100, "best-practices": 100 };
// The last one is watched.
const SOURCES = ["testsrc2", "smptehdbars", "rgbtestsrc", "gradients", "mandelbrot"];
const METRICS = [
  "first-contentful-paint",
  "largest-contentful-paint",
  "total-blocking-time",
  "cumulative-layout-shift",
  "speed-index",
];

const folder = mkdtempSync(join(tmpdir(), "ladderd-lighthouse-"));
const appliance = await startAppliance(binary);
const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
const faults = [];

function measure(url) {
  const output = join(folder, "report.json");
  const flags = ["--quiet", "--preset=desktop", "--output=json", `--output-path=${output}`];
  flags.push(`--only-categories=${Object.keys(GOALS).join(",")}`);
  flags.push("--chrome-flags=--headless=new --no-sandbox");
  const env = { ...process.env, CHROME_PATH: process.env.CHROMIUM ?? "/usr/bin/chromium" };
  const [program, ...first] = PROGRAM;
  execFileSync(program, [...first, url, ...flags], { stdio: ["ignore", "ignore", "inherit"], env });
  return JSON.parse(readFileSync(output, "utf8"));
}

// What is below its best, and no mere hint.
function findings({ categories, audits }) {
  const refs = Object.values(categories).flatMap(({ auditRefs }) => auditRefs);
  const failed = refs.filter(({ id, weight }) => weight > 0 && (audits[id].score ?? 1) < 0.9);
  return failed.map(({ id }) => {
    const { displayValue = "", details } = audits[id];
    const items = (details?.items ?? []).slice(0, 3);
    const nodes = items.map((item) => item.node?.selector ?? item.url ?? item.description ?? "");
    return `${id} ${displayValue} ${nodes.join("; ")}`.trim();
  });
}

function judge(name, url) {
  const reports = Array.from({ length: Number(runs) }, () => measure(url));
  const scores = {};
  for (const [category, goal] of Object.entries(GOALS)) {
    const found = reports.map(({ categories }) => Math.round(categories[category].score * 100));
    scores[category] = median(found);
    if (scores[category] < goal) faults.push(`${name}: ${category} ${scores[category]} of ${goal}`);
  }
  const metrics = {};
  for (const id of METRICS) {
    const value = median(reports.map(({ audits }) => audits[id].numericValue));
    metrics[id] = Math.round(value * 1000) / 1000;
  }
  const { lighthouseVersion: version } = reports[0];
  const found = [...new Set(reports.flatMap(findings))];
  console.log(
    JSON.stringify({ name, version, runs: reports.length, scores, metrics, found }, null, 1),
  );
}

try {
  let last;
  for (const source of SOURCES) {
    const clip = makeClip(join(folder, `${source}.mp4`), source, 12);
    last = await upload(appliance.url, clip, { title: `A film of ${source}`, tags: ["demo"] });
    await settled(appliance.url, last);
  }
  const { version } = await json(`${appliance.url}/v1/system`);
  console.log(`ladderd ${version}`);
  judge("library", `${appliance.url}/`);
  judge("watch", `${appliance.url}/watch/${last}`);
} finally {
  await appliance.stop();
  rmSync(folder, { recursive: true, force: true });
}
for (const fault of faults) console.log(fault);
process.exitCode = faults.length === 0 ? 0 : 1;
