// `make demo`: starts the appliance, puts a video through it and shows what happens.
//
//   node .ci/demo.mjs BINARY PORT [VIDEO]
//
// The appliance stays up until Ctrl-C. With DEMO_ONCE=1 it ends once the video is ready.

import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, openAsBlob, statSync } from "node:fs";
import { basename } from "node:path";

const [binary, wantedPort, video] = process.argv.slice(2);
const DATA = "target/demo";
const terminal = process.stdout.isTTY;

function fail(text) {
  console.error(`demo: ${text}`);
  process.exit(1);
}

// One line that is written over on a terminal, and every now and then elsewhere.
let last = 0;
function progress(text, done = false) {
  if (terminal) {
    process.stdout.write(`\r\x1b[K${text}${done ? "\n" : ""}`);
  } else if (done || Date.now() - last > 2000) {
    last = Date.now();
    console.log(text);
  }
}

// 20 s of moving pictures in 1080p with sound, by the GStreamer that the appliance uses.
function makeClip() {
  const path = `${DATA}/clip.mp4`;
  if (existsSync(path)) return path;
  console.log("making a clip of 20 s in 1080p with sound");
  const picture = "videotestsrc num-buffers=600 pattern=ball motion=sweep ! video/x-raw,width=1920,height=1080,framerate=30/1" +
    " ! x264enc speed-preset=ultrafast bitrate=8000 ! h264parse ! queue ! mux.";
  const sound = "audiotestsrc num-buffers=938 wave=ticks samplesperbuffer=1024 ! audio/x-raw,rate=48000,channels=2" +
    " ! avenc_aac ! queue ! mux.";
  const args = `-q mp4mux name=mux faststart=true ! filesink location=${path}.part ${picture} ${sound}`;
  execFileSync("gst-launch-1.0", args.split(" ").filter(Boolean), { stdio: ["ignore", "ignore", "inherit"] });
  execFileSync("mv", [`${path}.part`, path]);
  return path;
}

// Starts the appliance and waits until it says where it listens.
function start(port) {
  const args = ["serve", "--data-dir", DATA, "--listen", `127.0.0.1:${port}`];
  // It also plays in a container that has no Landlock: whoever starts it trusts the video.
  const env = { RUST_LOG: "warn,audit=off", LADDERD__SANDBOX__MODE: "degrade", ...process.env };
  const child = spawn(binary, args, { stdio: ["ignore", "pipe", "inherit"], env, detached: true });
  return new Promise((resolve) => {
    let said = "";
    child.stdout.on("data", (piece) => {
      said += piece;
      const api = /listening on (http:\/\/\S+)/.exec(said);
      if (api) resolve({ child, api: api[1] });
    });
    child.on("exit", () => resolve(null));
  });
}

async function json(url, init) {
  const response = await fetch(url, init);
  const body = await response.json();
  if (!response.ok) throw new Error(body.detail ?? `${url}: ${response.status}`);
  return body;
}

// The file in slices, telling how far it is.
async function* slices(file, total) {
  let sent = 0;
  for await (const piece of file.stream()) {
    yield piece;
    sent += piece.length;
    progress(`upload  ${Math.floor((100 * sent) / total)} %`);
  }
}

async function put(url, headers, blob, total) {
  const body = ReadableStream.from(slices(blob, total));
  const length = { "content-length": String(blob.size) };
  const response = await fetch(url, { method: "PUT", headers: { ...headers, ...length }, body, duplex: "half" });
  if (!response.ok) throw new Error(`the store refused the upload: ${response.status}`);
  return response.headers.get("etag");
}

async function upload(api, path) {
  const size = statSync(path).size;
  const post = (body) => ({ method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  const asked = { filename: basename(path), size_bytes: size, content_type: "video/mp4" };
  const answer = await json(`${api}/v1/uploads`, post(asked));
  const file = await openAsBlob(path);
  const how = answer.upload;
  if (how.url) {
    await put(how.url, how.headers, file, size);
  } else {
    const parts = [];
    for (const { number, url } of how.parts) {
      const from = (number - 1) * how.part_size_bytes;
      const piece = file.slice(from, from + how.part_size_bytes);
      parts.push({ number, etag: await put(url, {}, piece, piece.size) });
      progress(`upload  part ${number} of ${how.parts.length}`, true);
    }
    const completed = await fetch(new URL(how.complete_url, api), post({ parts }));
    if (!completed.ok) throw new Error((await completed.json()).detail);
  }
  progress("upload  100 %", true);
  return answer;
}

// Each state of the video, from the server-sent events.
async function* states(api, id) {
  const response = await fetch(`${api}/v1/videos/${id}/events`);
  let text = "";
  const decoder = new TextDecoder();
  for await (const piece of response.body) {
    text += decoder.decode(piece, { stream: true });
    const lines = text.split("\n");
    text = lines.pop();
    for (const line of lines) if (line.startsWith("data: ")) yield JSON.parse(line.slice(6));
  }
}

async function watch(api, answer) {
  let shown = false;
  for await (const video of states(api, answer.video_id)) {
    if (video.playable && !shown) {
      shown = true;
      progress("encode  the first segments are there: it plays", true);
      console.log(`\n  watch   ${api}/?video=${video.id}\n  HLS     ${video.playback_url}\n`);
    }
    if (video.state === "running") {
      const speed = video.speed === null ? "" : `, ${video.speed.toFixed(2)}x`;
      const eta = video.eta_secs === null ? "" : `, ${Math.ceil(video.eta_secs)} s left`;
      progress(`encode  ${Math.floor(video.progress * 100)} %${speed}${eta}`);
    }
    if (video.state === "failed") throw new Error(`${video.error.message} [${video.error.code}]`);
    if (video.state === "ready") {
      progress("encode  100 %", true);
      const names = video.renditions.map((rendition) => rendition.name).join(", ");
      console.log(`ready   ${names}: ${api}/?video=${video.id}`);
      const link = execFileSync(binary, ["token", "link", "--data-dir", DATA], { encoding: "utf8" });
      console.log(`\n  sign in  ${link}           works once, for an hour; here the page opens without it\n`);
      return;
    }
  }
  throw new Error("the appliance stopped telling about the video");
}

if (video && !existsSync(video)) fail(`${video}: there is no such file`);
mkdirSync(DATA, { recursive: true, mode: 0o700 });
const path = video || makeClip();
// Another program may have the port: any free one will do.
const running = (await start(wantedPort)) ?? (await start(0));
if (!running) fail("the appliance did not start");
const { child, api } = running;
const ended = new Promise((resolve) => child.on("exit", resolve));
const stop = () => child.kill("SIGTERM");
process.on("SIGINT", stop);
process.on("SIGTERM", stop);
try {
  const answer = await upload(api, path);
  await watch(api, answer);
  if (process.env.DEMO_ONCE) stop();
  else console.log("the appliance stays up; Ctrl-C ends it");
} catch (error) {
  console.error(`demo: ${error.message}`);
  process.exitCode = 1;
  stop();
}
await ended;
