// Checks what a built page loads: its size by route, and that all of it comes from its own server.
//
//   node web/e2e/budgets.mjs [DIST]
//
// Sums the sizes (gzip) of what each route loads before somebody touches it: the entry, the chunk of the route, and
// all that these import statically, scripts and styles. Prints a table and exits with 0 only if each is within its
// budget, no file loads from another host, and no page has an inline script.

import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";

const dist = resolve(process.argv[2] ?? "dist");
const listed = join(dist, "../node_modules/.vite/manifest.json");
const manifest = JSON.parse(readFileSync(listed, "utf8"));
const KB = 1000;

const PAGE = "index.html";
const LIBRARY = "src/library/LibraryPage.tsx";
const WATCH = "src/watch/WatchPage.tsx";
const ROUTES = [
  { name: "library", parts: [PAGE, LIBRARY], limit: 150 },
  // The player comes by itself as soon as the video can be played.
  { name: "watch", parts: [PAGE, WATCH, ...ownDynamic(WATCH)], limit: 380 },
  { name: "system", parts: [PAGE, "src/system/SystemPage.tsx"] },
  { name: "system with plots", parts: [PAGE, "src/system/SystemPage.tsx", "src/system/Plot.tsx"] },
  { name: "settings", parts: [PAGE, "src/settings/SettingsPage.tsx"] },
  { name: "embed", parts: ["embed.html"] },
  { name: "docs", parts: ["docs.html"] },
];

// Parts of the same folder that a part loads later.
function ownDynamic(key) {
  const folder = key.slice(0, key.lastIndexOf("/") + 1);
  return (manifest[key]?.dynamicImports ?? []).filter((other) => other.startsWith(folder));
}

// All files that the parts of the manifest load statically.
function filesOf(parts) {
  const seen = new Set();
  const files = new Set();
  const add = (key) => {
    if (seen.has(key)) return;
    seen.add(key);
    const part = manifest[key];
    if (!part) throw new Error(`the manifest has no ${key}`);
    for (const file of [part.file, ...(part.css ?? [])]) files.add(file);
    for (const other of part.imports ?? []) add(other);
  };
  for (const part of parts) add(part);
  return [...files].filter((file) => /\.(js|css)$/.test(file));
}

// The size on the wire in kB.
const gzipped = (file) => gzipSync(readFileSync(join(dist, file))).length / KB;

function measure({ name, parts, limit }) {
  const files = filesOf(parts);
  const size = files.reduce((sum, file) => sum + gzipped(file), 0);
  return { name, files: files.length, size, limit };
}

const faults = [];
const routes = ROUTES.filter(({ parts }) => parts.every((part) => manifest[part])).map(measure);
for (const { name, parts, limit } of ROUTES) {
  if (limit && !parts.every((part) => manifest[part])) faults.push(`${name}: not built`);
}
for (const { name, size, limit } of routes) {
  if (limit && size > limit) faults.push(`${name}: ${size.toFixed(1)} kB of ${limit} kB`);
}

// The player belongs to the watch route and the embed alone.
for (const part of [PAGE, "src/system/SystemPage.tsx", "src/settings/SettingsPage.tsx"]) {
  for (const file of manifest[part] ? filesOf([part]) : []) {
    if (/\bvjs-tech\b/.test(readFileSync(join(dist, file), "utf8"))) {
      faults.push(`${part}: loads the player: ${file}`);
    }
  }
}

// Places from which a browser would load something.
const LOADS = [
  /@import\s+(?:url\()?["']?(?:https?:)?\/\//g,
  /url\(\s*["']?(?:https?:)?\/\//g,
  /\b(?:src|href)\s*=\s*["'](?:https?:)?\/\/(?![^"']*\bw3\.org)/g,
  /\bimport\(\s*["'`](?:https?:)?\/\//g,
  /\b(?:fetch|EventSource|WebSocket|importScripts)\(\s*["'`](?:https?|wss?):\/\//g,
  /https?:\/\/[\w.-]*(?:cdn|jsdelivr|unpkg|googleapis|gstatic|cloudflare|typekit)[\w.-]*/gi,
];
// Links that somebody may follow load nothing.
const LINK = /<a\s[^>]*$/;
// Video.js would load its WebVTT parser from here if it were not bundled, which it is.
const ALLOWED = /^https:\/\/vjs\.zencdn\.net\/vttjs\//;

for (const file of readdirSync(dist, { recursive: true })) {
  if (!/\.(html|js|css|svg|json)$/.test(file)) continue;
  const text = readFileSync(join(dist, file), "utf8");
  for (const pattern of LOADS) {
    for (const { 0: found, index } of text.matchAll(pattern)) {
      if (ALLOWED.test(text.slice(index, index + 80))) continue;
      if (LINK.test(text.slice(Math.max(0, index - 200), index))) continue;
      faults.push(`${file}: loads from another host: ${text.slice(index, index + 80)} (${found})`);
    }
  }
  if (!file.endsWith(".html")) continue;
  for (const { 0: tag } of text.matchAll(/<script\b[^>]*>/gi)) {
    if (!/\ssrc=/.test(tag)) faults.push(`${file}: inline script: ${tag}`);
  }
  if (/\son\w+\s*=\s*["']/i.test(text)) faults.push(`${file}: inline event handler`);
  if (/javascript:/i.test(text)) faults.push(`${file}: script in a link`);
}

const row = (cells) => cells.map((cell, at) => (at ? cell.padStart(10) : cell.padEnd(20))).join("");
console.log(row(["route", "files", "gzip kB", "limit kB"]));
for (const { name, files, size, limit } of routes) {
  console.log(row([name, String(files), size.toFixed(1), limit ? String(limit) : "–"]));
}
for (const fault of faults) console.log(fault);
process.exitCode = faults.length === 0 ? 0 : 1;
