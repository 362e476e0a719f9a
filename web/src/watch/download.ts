// Downloads a rung as one file, which the server makes when it is asked for first.

import { ApiError } from "../api/client";
import type { Problem } from "../api/types";
import { text } from "../text/viewer";
import { retryAfterSecs } from "./times";

/** Begins the download once the file is there. Calls `onMaking` once if that takes a while. */
export async function download(id: string, rung: string, onMaking: () => void): Promise<void> {
  const url = `/v1/videos/${encodeURIComponent(id)}/download?rung=${encodeURIComponent(rung)}`;
  for (let tries = 0; ; tries += 1) {
    // Where it leads is for the browser's own download, not for a script.
    const answer = await fetch(url, { redirect: "manual" });
    if (answer.type === "opaqueredirect") break;
    if (answer.status !== 202) throw await errorOf(answer);
    if (tries === 0) onMaking();
    await wait(retryAfterSecs(answer.headers.get("retry-after")));
  }
  const link = document.createElement("a");
  link.href = url;
  link.download = "";
  document.body.append(link);
  link.click();
  link.remove();
}

const wait = (secs: number) => new Promise((resolve) => setTimeout(resolve, secs * 1000));

async function errorOf(answer: Response): Promise<ApiError> {
  const problem = (await answer.json().catch(() => null)) as Partial<Problem> | null;
  const message = problem?.detail ?? text.common.answered(answer.status);
  return new ApiError(answer.status, problem?.code ?? "", message);
}
