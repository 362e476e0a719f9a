import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react()],
  // Video.js is one large file by nature.
  build: { chunkSizeWarningLimit: 1000 },
  server: { proxy: { "/v1": "http://127.0.0.1:8080" } },
});
