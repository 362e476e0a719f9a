// The back end of a course: it hands out upload grants, hears of videos by a webhook, and opens them for viewers.
import express from "express";
import { Webhook } from "standardwebhooks";

const { LADDERD_URL = "http://127.0.0.1:8080", LADDERD_TOKEN, PORT = "3000", WEBHOOK_SECRET } = process.env;
const lessons = new Map(); // A database in real life.

async function ladderd(method, path, body) {
  const headers = { "content-type": "application/json" };
  if (LADDERD_TOKEN) headers.authorization = `Bearer ${LADDERD_TOKEN}`;
  const answer = await fetch(new URL(path, LADDERD_URL), { method, headers, body: JSON.stringify(body) });
  const value = await answer.json();
  if (!answer.ok) throw new Error(`${method} ${path}: ${value.detail}`);
  return value;
}

const app = express();
// Before the parser of JSON: the signature is of the bytes.
let secret = WEBHOOK_SECRET;
app.post("/webhook", express.raw({ type: "*/*" }), (request, response) => {
  let event;
  try {
    event = new Webhook(secret).verify(request.body, request.headers);
  } catch { return response.status(401).end(); }
  const lesson = lessons.get(event.data.passthrough);
  if (lesson && event.type === "video.ready") Object.assign(lesson, { state: "ready", video: event.data.id });
  if (lesson && event.type === "video.failed") Object.assign(lesson, { state: "failed" });
  response.status(204).end();
});

app.use(express.json(), express.static("public"));
app.get("/lessons", (_, response) => response.json([...lessons.values()]));

// A lesson, and a grant by which the browser may upload its one video.
app.post("/lessons", async (request, response) => {
  const lesson = { id: crypto.randomUUID(), title: request.body.title, state: "uploading" };
  const { grant, upload_url } = await ladderd("POST", "/v1/upload-grants", {
    allowed_origin: request.get("origin"),
    title: lesson.title,
    passthrough: lesson.id,
    visibility: "private",
  });
  lessons.set(lesson.id, lesson);
  response.status(201).json({ lesson, grant, upload_url: new URL(upload_url, LADDERD_URL) });
});

// A URL that plays for an hour. This is the place to ask whether the viewer has paid.
app.post("/lessons/:id/play", async (request, response) => {
  const lesson = lessons.get(request.params.id);
  if (lesson?.state !== "ready") return response.status(404).end();
  const wish = { expires_in: 3600, viewer: "anna" };
  response.json(await ladderd("POST", `/v1/videos/${lesson.video}/playback-tokens`, wish));
});

const server = app.listen(Number(PORT), "127.0.0.1", async () => {
  const url = `http://127.0.0.1:${server.address().port}`;
  const events = ["video.ready", "video.failed"];
  secret ??= (await ladderd("POST", "/v1/webhooks", { url: `${url}/webhook`, events })).secret;
  console.log(`The course is at ${url}`);
});
