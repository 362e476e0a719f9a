// Requests to the API, with the types of its own document.

import createClient from "openapi-fetch";
import type { paths } from "../../generated/api";
import { text } from "../text";
import { ApiError } from "./error";
import type { Problem } from "./types";

export { ApiError };

// Sent to the window when the server no longer knows who uses the page.
export const SIGNED_OUT = "ladderd-signed-out";

const client = createClient<paths>({
  baseUrl: location.origin,
  // Looked up at each call, so that tests and tools can replace it.
  fetch: (request) => fetch(request),
});

client.use({
  async onResponse({ response }) {
    if (response.ok) return;
    const problem = (await response
      .clone()
      .json()
      .catch(() => null)) as Partial<Problem> | null;
    const code = problem?.code ?? "";
    if (code === "not-signed-in" || code === "invalid-session") {
      dispatchEvent(new Event(SIGNED_OUT));
    }
    throw new ApiError(
      response.status,
      code,
      problem?.detail ?? text.common.answered(response.status),
    );
  },
  onError({ error }) {
    if (error instanceof ApiError || (error as Error)?.name === "AbortError") return;
    return new ApiError(0, "", text.common.noAnswer);
  },
});

export const api = client;

/** The body of an answer. Failed requests throw an `ApiError`. */
export async function body<T>(answer: Promise<{ data?: T }>): Promise<T> {
  // Answers without a body have no data.
  return (await answer).data as T;
}
