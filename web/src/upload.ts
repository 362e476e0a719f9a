// Uploads a file straight to the store: by one PUT, or in parts.

import { request, type UploadAnswer, type UploadRequest } from "./api";

const PARALLEL_PARTS = 4;
const TRIES = 3;

export interface Upload {
  videoId: Promise<string>;
  done: Promise<void>;
  abort: () => void;
}

// Starts an upload. `onProgress` hears of the share that is sent, 0 to 1.
export function startUpload(file: File, onProgress: (share: number) => void): Upload {
  const cancel = new AbortController();
  const wish: UploadRequest = {
    filename: file.name,
    size_bytes: file.size,
    content_type: file.type || "application/octet-stream",
  };
  const plan = request<UploadAnswer>("POST", "/v1/uploads", wish);
  const done = plan.then((plan) => send(plan, file, onProgress, cancel.signal));
  return { videoId: plan.then((p) => p.video_id), done, abort: () => cancel.abort() };
}

async function send(
  plan: UploadAnswer,
  file: File,
  onProgress: (share: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const upload = plan.upload;
  if ("url" in upload) {
    const report = (bytes: number) => onProgress(file.size ? bytes / file.size : 1);
    await put(upload.url, file, upload.headers, report, signal);
    return;
  }
  const sent = upload.parts.map(() => 0);
  const tags: { number: number; etag: string }[] = [];
  const waiting = upload.parts.map((part, index) => ({ ...part, index }));
  const sendParts = async () => {
    for (let part = waiting.shift(); part; part = waiting.shift()) {
      const { number, url, index } = part;
      const start = index * upload.part_size_bytes;
      const piece = file.slice(start, start + upload.part_size_bytes);
      const report = (bytes: number) => {
        sent[index] = bytes;
        onProgress(sent.reduce((sum, bytes) => sum + bytes, 0) / file.size);
      };
      tags.push({ number, etag: await putPart(url, piece, report, signal) });
    }
  };
  try {
    await Promise.all(Array.from({ length: PARALLEL_PARTS }, sendParts));
    tags.sort((a, b) => a.number - b.number);
    await request("POST", upload.complete_url, { parts: tags });
  } catch (error) {
    await request("DELETE", upload.abort_url).catch(() => undefined);
    throw error;
  }
}

async function putPart(
  url: string,
  piece: Blob,
  onProgress: (bytes: number) => void,
  signal: AbortSignal,
): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await put(url, piece, {}, onProgress, signal);
    } catch (error) {
      if (signal.aborted || attempt === TRIES) throw error;
    }
  }
}

// XMLHttpRequest, because fetch does not tell how far an upload is.
function put(
  url: string,
  body: Blob,
  headers: Record<string, string>,
  onProgress: (bytes: number) => void,
  signal: AbortSignal,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    xhr.open("PUT", url);
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
    xhr.upload.onprogress = (event) => onProgress(event.loaded);
    xhr.onload = () => {
      if (xhr.status >= 300) {
        reject(new Error(`The store refused the upload (${xhr.status}).`));
        return;
      }
      onProgress(body.size);
      resolve(xhr.getResponseHeader("ETag") ?? "");
    };
    xhr.onerror = () => reject(new Error("The upload broke off. Check the connection."));
    xhr.onabort = () => reject(new Error("The upload was cancelled."));
    signal.addEventListener("abort", () => xhr.abort());
    xhr.send(body);
  });
}
