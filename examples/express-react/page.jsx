// The page of a course: teachers upload, students watch.
import { useEffect, useRef, useState } from "react";
import { createRoot } from "react-dom/client";
import videojs from "video.js";
import "video.js/dist/video-js.css";

async function call(method, url, body, headers = {}) {
  const answer = await fetch(url, {
    method,
    headers: { "content-type": "application/json", ...headers },
    body: body && JSON.stringify(body),
  });
  const value = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) throw new Error(value.detail);
  return value;
}

// Sends the file straight to the store, by one PUT or in parts.
async function upload(title, file) {
  const { grant, upload_url } = await call("POST", "/lessons", { title });
  const bearer = { authorization: `Bearer ${grant}` };
  const wish = { filename: file.name, size_bytes: file.size };
  const { upload } = await call("POST", upload_url, wish, bearer);
  const put = async (url, headers, body) => {
    const answer = await fetch(url, { method: "PUT", headers, body });
    if (!answer.ok) throw new Error(`The store answered ${answer.status}.`);
    return answer.headers.get("etag");
  };
  if (upload.url) return put(upload.url, upload.headers, file);
  const parts = [];
  for (const { number, url } of upload.parts) {
    const start = (number - 1) * upload.part_size_bytes;
    const piece = file.slice(start, start + upload.part_size_bytes);
    parts.push({ number, etag: await put(url, {}, piece) });
  }
  return call("POST", new URL(upload.complete_url, upload_url), { parts }, bearer);
}

function Course() {
  const [lessons, setLessons] = useState([]);
  const [playing, setPlaying] = useState(null);
  const [message, setMessage] = useState("");
  useEffect(() => {
    const look = () => call("GET", "/lessons").then(setLessons, () => {});
    const timer = setInterval(look, 1000);
    return () => clearInterval(timer);
  }, []);
  const submit = (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    upload(form.get("title"), form.get("file")).then(() => setMessage("Uploaded"), (e) => setMessage(e.message));
  };
  const play = async (id) => setPlaying((await call("POST", `/lessons/${id}/play`)).url);
  return (
    <main>
      <form onSubmit={submit}>
        <input name="title" placeholder="Title" required />
        <input name="file" type="file" accept="video/*" required />
        <button type="submit">Upload</button> <output>{message}</output>
      </form>
      {lessons.map(({ id, title, state }) => (
        <p key={id} className="lesson">
          {title}: <b>{state}</b>{" "}
          {state === "ready" && <button type="button" onClick={() => play(id)}>Watch</button>}
        </p>
      ))}
      {playing && <Player key={playing} src={playing} />}
    </main>
  );
}

function Player({ src }) {
  const holder = useRef(null);
  useEffect(() => {
    const element = document.createElement("video-js");
    holder.current.append(element);
    const source = { src, type: "application/vnd.apple.mpegurl" };
    const player = videojs(element, { controls: true, autoplay: true, muted: true, fluid: true, sources: [source] });
    return () => player.dispose();
  }, [src]);
  return <div ref={holder} />;
}

createRoot(document.getElementById("root")).render(<Course />);
