// Requests that the API's document does not describe yet. Goes once it does.

import { text } from "../text";
import { ApiError } from "./client";
import type { Problem } from "./types";

export async function raw<T>(method: string, path: string, json?: unknown): Promise<T> {
  const init: RequestInit = { method };
  if (json !== undefined) {
    init.headers = { "content-type": "application/json" };
    init.body = JSON.stringify(json);
  }
  const response = await fetch(path, init);
  if (!response.ok) {
    const problem = (await response.json().catch(() => null)) as Partial<Problem> | null;
    throw new ApiError(
      response.status,
      problem?.code ?? "",
      problem?.detail ?? text.common.answered(response.status),
    );
  }
  return (
    response.status === 204 || response.status === 202 ? undefined : await response.json()
  ) as T;
}
