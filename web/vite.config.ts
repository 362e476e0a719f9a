import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react()],
  build: {
    // Video.js is one large file by nature.
    chunkSizeWarningLimit: 1000,
    // The page, and the reference of the API at /docs, which loads none of it.
    rollupOptions: { input: ["index.html", "docs.html"] },
  },
  server: { proxy: { "/v1": "http://127.0.0.1:8080", "/openapi.json": "http://127.0.0.1:8080" } },
});
