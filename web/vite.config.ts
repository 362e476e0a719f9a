import { mkdirSync, renameSync, rmdirSync } from "node:fs";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// The daemon that `npm run dev` and `vite preview` talk to.
const daemon = process.env.LADDERD_URL ?? "http://127.0.0.1:8080";
const paths = ["/v1", "/play", "/readyz", "/openapi.json"];
const proxy = Object.fromEntries(
  paths.map((path) => [
    path,
    // The daemon refuses changes from pages of another origin.
    { target: daemon, changeOrigin: true, headers: { origin: daemon } },
  ]),
);

// Chunks and what they import, for e2e/budgets.mjs. All that is in dist/ becomes part of the binary.
const moveManifest = {
  name: "move-manifest",
  closeBundle() {
    mkdirSync("node_modules/.vite", { recursive: true });
    renameSync("dist/.vite/manifest.json", "node_modules/.vite/manifest.json");
    rmdirSync("dist/.vite");
  },
};

export default defineConfig({
  resolve: {
    alias: [
      // Video.js without its engine, which is a chunk of its own: neither keeps the page from answering for long.
      { find: /^video\.js$/, replacement: "video.js/core.es.js" },
      // The engine plays DASH as well, which no stream here is.
      { find: /^mpd-parser$/, replacement: `${import.meta.dirname}/src/watch/player/noDash.ts` },
    ],
  },
  plugins: [react(), moveManifest],
  build: {
    target: ["chrome123", "firefox121", "safari17.5"],
    // Video.js is one large file by nature.
    chunkSizeWarningLimit: 1000,
    // The page, the player that other sites embed, and the reference of the API at /docs.
    rollupOptions: { input: ["index.html", "embed.html", "docs.html"] },
    manifest: true,
  },
  server: { proxy },
  preview: { proxy },
  test: { include: ["src/**/*.test.{ts,tsx}"] },
});
