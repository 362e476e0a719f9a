// An appliance of its own for scripts that take pictures.

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, openAsBlob, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

// Starts the binary in an empty folder. Returns the URL of its page and what stops it.
export async function startAppliance(binary, settings = {}) {
  const folder = mkdtempSync(join(tmpdir(), "ladderd-page-"));
  const env = {
    ...process.env,
    RUST_LOG: "error,audit=off",
    LADDERD__SANDBOX__MODE: "degrade",
    ...settings,
  };
  const args = ["serve", "--data-dir", folder, "--listen", "127.0.0.1:0"];
  const child = spawn(binary, args, { stdio: ["ignore", "pipe", "inherit"], env });
  const ended = new Promise((resolve) => child.on("exit", resolve));
  const url = await new Promise((resolve, reject) => {
    let said = "";
    child.stdout.on("data", (piece) => {
      said += piece;
      const found = /listening on (http:\/\/\S+)/.exec(said);
      if (found) resolve(found[1]);
    });
    child.on("exit", (code) => reject(new Error(`the appliance ended with ${code}`)));
  });
  const stop = async () => {
    child.kill("SIGTERM");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  return { url, folder, stop };
}

export async function json(url, init) {
  const response = await fetch(url, init);
  const text = await response.text();
  if (!response.ok) throw new Error(`${url}: ${response.status} ${text}`);
  return text ? JSON.parse(text) : undefined;
}

// Uploads a small file by one PUT, or in parts. Returns the id of its video.
export async function upload(url, path, fields = {}) {
  const file = await openAsBlob(path);
  const body = JSON.stringify({
    filename: basename(path),
    size_bytes: statSync(path).size,
    ...fields,
  });
  const headers = { "content-type": "application/json" };
  const plan = await json(`${url}/v1/uploads`, { method: "POST", headers, body });
  const { upload } = plan;
  if ("url" in upload) {
    await fetch(upload.url, { method: "PUT", headers: upload.headers, body: file });
    return plan.video_id;
  }
  const parts = [];
  for (const { number, url: part } of upload.parts) {
    const from = (number - 1) * upload.part_size_bytes;
    const piece = file.slice(from, from + upload.part_size_bytes);
    const answer = await fetch(part, { method: "PUT", body: piece });
    parts.push({ number, etag: answer.headers.get("etag") });
  }
  const done = { method: "POST", headers, body: JSON.stringify({ parts }) };
  await json(new URL(upload.complete_url, url), done);
  return plan.video_id;
}

// Waits until a video is ready or failed.
export async function settled(url, id) {
  for (;;) {
    const video = await json(`${url}/v1/videos/${id}`);
    if (["ready", "failed"].includes(video.state)) return video;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

// A clip with sound, by ffmpeg's own sources: `source` is one of them, such as "mandelbrot".
export function makeClip(path, source, secs, size = "1280x720") {
  const video = `${source}=size=${size}:rate=25`;
  const inputs = ["-f", "lavfi", "-i", video, "-f", "lavfi", "-i", "sine=frequency=330"];
  const codecs = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"];
  const args = ["-v", "error", "-y", ...inputs, "-t", String(secs), ...codecs, path];
  execFileSync("ffmpeg", args, { stdio: "inherit" });
  return path;
}
