// Meaning of the answers of API and store for an upload.

import { ApiError } from "../api/client";
import { text } from "../text";
import type { Fault } from "./item";

export const networkFault: Fault = { kind: "network", message: text.upload.noAnswer };

/** Of a request to the API. */
export function apiFault(reason: unknown): Fault {
  if (!(reason instanceof ApiError)) {
    // A timeout of fetch, or a fault of this page.
    const isTimeout = reason instanceof DOMException;
    return isTimeout ? networkFault : { kind: "final", message: String(reason) };
  }
  const { status, code } = reason;
  // The API names its own field.
  const message = reason.message.replace(/^filename: /, text.upload.fileName);
  if (status === 0) return networkFault;
  if (status === 401) return { kind: "signed-out", message };
  if (status === 404 || status === 412 || code === "source-changed")
    return { kind: "gone", message };
  // More space comes by no waiting.
  if (status === 507) return { kind: "final", message };
  // Another request of the same name is not answered yet.
  if (code === "conflict") return { kind: "server", message };
  return { kind: reason.isPassing ? "server" : "final", message };
}

/** Of a PUT to the store that was answered with an error. */
export function storeFault(status: number): Fault {
  if (status === 0) return networkFault;
  const message = text.upload.storeRefused(status);
  if (status === 403) return { kind: "expired", message };
  if (status === 404) return { kind: "gone", message };
  const isPassing = status === 408 || status === 409 || status === 429 || status >= 500;
  return { kind: isPassing && status !== 507 ? "server" : "final", message };
}
