// Requests to the API from the scripts of this folder.

const POLL_MS = 50;
const LIMIT_MS = 60_000;

// Waits until `check` gives something, and returns it.
export async function until(what, check) {
  const end = Date.now() + LIMIT_MS;
  for (;;) {
    const found = await check();
    if (found) return found;
    if (Date.now() > end) throw new Error(`in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

// Calls the API at `base` with `token`, or as nobody. The result rejects with the text of a refusal.
export function apiOf(base, token) {
  return async (method, path, json) => {
    const headers = token ? { authorization: `Bearer ${token}` } : {};
    if (json !== undefined) headers["content-type"] = "application/json";
    const body = json === undefined ? null : JSON.stringify(json);
    const response = await fetch(new URL(path, base), { method, headers, body });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === "" ? null : JSON.parse(text);
  };
}

// The status of a request by `token`.
export async function statusOf(base, path, token) {
  const headers = { authorization: `Bearer ${token}` };
  return (await fetch(new URL(path, base), { headers })).status;
}

// Uploads `bytes` under this name and returns the id of the video.
export async function upload(api, filename, bytes) {
  const { video_id: id, upload: target } = await api("POST", "/v1/uploads", {
    filename,
    size_bytes: bytes.length,
  });
  const { method, url, headers } = target;
  const response = await fetch(url, { method, headers, body: bytes });
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status}`);
  return id;
}
