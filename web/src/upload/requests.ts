// Requests to the API, as the runner needs them.

import { ApiError, api, body } from "../api/client";
import type { UploadRequest } from "../api/types";
import { type Item, partBytes, type Twin, type Upload } from "./item";

const TIMEOUT_MS = 60_000;
const LIMITS_MS = 300_000;
const REPLAYED = "Idempotency-Replayed";

const soon = () => AbortSignal.timeout(TIMEOUT_MS);

export interface Created {
  upload: Upload;
  urls: Record<number, string>;
  headers: Record<string, string>;
  isNew: boolean;
  /** When the URLs expire, by the clock of this machine; infinite if the server has none. */
  expiresAt: number;
}

// By the server's own clock: that of this machine may be wrong.
function localExpiry(response: Response, expiresAt: string): number {
  const now = Date.parse(response.headers.get("date") ?? "");
  const left = Date.parse(expiresAt) - now;
  return Number.isFinite(left) ? Date.now() + left : Number.POSITIVE_INFINITY;
}

export async function createUpload(item: Item): Promise<Created> {
  const wish: UploadRequest = {
    filename: item.name,
    size_bytes: item.size,
    content_type: item.type || "application/octet-stream",
    ...(item.fingerprint ? { fingerprint: item.fingerprint } : {}),
  };
  const { data, response } = await api.POST("/v1/uploads", {
    // A request whose answer was lost makes no second video.
    params: { header: { "Idempotency-Key": `${item.key}-${item.round}` } },
    body: wish,
    signal: soon(),
  });
  if (!data) throw new ApiError(response.status, "", "");
  const { upload, video_id: videoId } = data;
  const isNew = response.headers.get(REPLAYED) === null;
  const expiresAt = localExpiry(response, upload.expires_at);
  if ("url" in upload) {
    return {
      upload: { videoId, uploadId: null, partSize: item.size },
      urls: { 1: upload.url },
      headers: upload.headers,
      ...{ isNew, expiresAt },
    };
  }
  return {
    upload: { videoId, uploadId: upload.upload_id, partSize: upload.part_size_bytes },
    urls: byNumber(upload.parts),
    headers: {},
    ...{ isNew, expiresAt },
  };
}

const byNumber = (parts: { number: number; url: string }[]): Record<number, string> =>
  Object.fromEntries(parts.map(({ number, url }) => [number, url]));

const pathOf = ({ videoId, uploadId }: Upload) => ({
  path: { video_id: videoId, upload_id: uploadId ?? "none" },
});

/** Parts that the store has. Those of another size are sent again. */
export async function listParts(item: Item, upload: Upload) {
  const params = pathOf(upload);
  const path = "/v1/uploads/{video_id}/{upload_id}";
  const status = await body(api.GET(path, { params, signal: soon() }));
  const partSize = status.part_size_bytes;
  const sized = { ...item, upload: { ...upload, partSize } };
  const whole = status.parts.filter((part) => part.size_bytes === partBytes(sized, part.number));
  return { partSize, etags: Object.fromEntries(whole.map(({ number, etag }) => [number, etag])) };
}

export async function signParts(upload: Upload, numbers: number[]) {
  const { data, response } = await api.POST("/v1/uploads/{video_id}/{upload_id}/parts", {
    params: pathOf(upload),
    body: { numbers },
    signal: soon(),
  });
  if (!data) throw new ApiError(response.status, "", "");
  return { urls: byNumber(data.parts), expiresAt: localExpiry(response, data.expires_at) };
}

export async function completeUpload(item: Item, upload: Upload): Promise<void> {
  const parts = Object.entries(item.etags)
    .map(([number, etag]) => ({ number: Number(number), etag }))
    .sort((a, b) => a.number - b.number);
  await api.POST("/v1/uploads/{video_id}/{upload_id}/complete", {
    params: pathOf(upload),
    body: { parts },
    // The store puts thousands of parts together.
    signal: AbortSignal.timeout(10 * TIMEOUT_MS),
  });
}

/** Whether the server has the source of the video. */
export async function isUploaded(videoId: string): Promise<boolean> {
  try {
    const path = { id: videoId };
    const video = await body(api.GET("/v1/videos/{id}", { params: { path }, signal: soon() }));
    return video.state !== "uploading" && video.state !== "deleting";
  } catch (reason) {
    if (reason instanceof ApiError && reason.status === 404) return false;
    throw reason;
  }
}

/** Removes an upload and its video. */
export async function abortUpload(upload: Upload): Promise<void> {
  const path = "/v1/uploads/{video_id}/{upload_id}";
  // Removes the record of a single PUT as well: an unknown upload is no error.
  await api.DELETE(path, { params: pathOf(upload), signal: soon() });
  try {
    // The last PUT may have come to its end before.
    await api.POST("/v1/videos/delete", { body: { ids: [upload.videoId] }, signal: soon() });
  } catch (reason) {
    // Those who may upload only may not delete.
    if (!(reason instanceof ApiError) || reason.isPassing) throw reason;
  }
}

/** A video of the same content, or `null`: also if it cannot be found out. */
export async function findTwin(fingerprint: string): Promise<Twin | null> {
  try {
    const query = { fingerprint, state: "uploading,queued,waiting,running,ready", limit: 1 };
    const list = await body(api.GET("/v1/videos", { params: { query }, signal: soon() }));
    const [video] = list.videos;
    return video ? { videoId: video.id, name: video.title || video.filename } : null;
  } catch {
    return null;
  }
}

let limits: { at: number; maxBytes: Promise<number | null> } | null = null;

/** Largest file in bytes, or `null` if the server does not tell. */
export function maxBytes(): Promise<number | null> {
  if (!limits || Date.now() - limits.at > LIMITS_MS) {
    const answer = body(api.GET("/v1/system", { signal: soon() }));
    const maxBytes = answer.then(
      (system) => system.upload_limits.max_size_bytes,
      () => null,
    );
    limits = { at: Date.now(), maxBytes };
  }
  return limits.maxBytes;
}
