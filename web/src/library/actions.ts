// Actions on videos. Each is shown at once, and taken back where the server refuses.

import type { QueryClient } from "@tanstack/react-query";
import { ApiError, api, body } from "../api/client";
import type { Video } from "../api/types";
import { titleOf } from "../api/video";
import { text } from "../text";
import { tell, tellError } from "../ui/toasts";
import { changeNow, readAgain, writeAnswers } from "./change";
import { chunksOf, eachOf, type Failure } from "./pool";
import { namesOf } from "./share";
import { isRestorable, learn } from "./trash";

const DELETED_AT_ONCE = 100;
const UNDO_MS = 12_000;

const failed = (failures: Failure<Video>[], title: (names: string) => string) => {
  const [first] = failures;
  if (first) tellError(title(namesOf(failures.map(({ item }) => item))), first.reason);
};
const idsOf = (failures: Failure<Video>[]) => new Set(failures.map(({ item }) => item.id));

/** Deletes videos. Returns those that can be restored; `undo` is called with them where somebody wants that. */
export async function deleteVideos(
  client: QueryClient,
  videos: Video[],
  undo: (videos: Video[]) => void,
): Promise<Video[]> {
  const takeBack = await changeNow(client, videos, (video) => ({
    ...video,
    state: "deleting",
    playable: false,
  }));
  const deleted: Video[] = [];
  const failures: Failure<Video>[] = [];
  for (const chunk of chunksOf(videos, DELETED_AT_ONCE)) {
    try {
      const ids = chunk.map(({ id }) => id);
      const { results } = await body(api.POST("/v1/videos/delete", { body: { ids } }));
      const answers = new Map(results.map((result) => [result.id, result]));
      for (const video of chunk) {
        const answer = answers.get(video.id);
        if (answer?.video) deleted.push(answer.video);
        else failures.push({ item: video, reason: answer?.error?.detail ?? "" });
      }
    } catch (reason) {
      failures.push(...chunk.map((item) => ({ item, reason })));
    }
  }
  takeBack(idsOf(failures));
  writeAnswers(client, deleted);
  readAgain(client);
  const restorable = deleted.filter((video) => isRestorable(video.purge_after));
  if (deleted.length > 0) {
    learn(restorable.length > 0);
    const action = {
      label: text.common.undo,
      onClick: () => undo(restorable),
    };
    const title = text.library.deleted(deleted.length);
    tell(title, restorable.length > 0 ? { action, timeoutMs: UNDO_MS } : {});
  }
  failed(failures, text.library.notDeleted);
  return restorable;
}

/** Undoes deletes. */
export async function restoreVideos(client: QueryClient, videos: Video[]): Promise<void> {
  const answers: Video[] = [];
  const failures = await eachOf(videos, async ({ id }) => {
    const params = { path: { id } };
    answers.push(await body(api.POST("/v1/videos/{id}/restore", { params })));
  });
  writeAnswers(client, answers);
  readAgain(client);
  if (answers.length > 0) tell(text.library.restored(answers.length));
  failed(failures, text.library.notRestored);
}

export const isRetryable = ({ state }: Video) => state === "failed" || state === "waiting";

/** Has failed videos processed once more. */
export async function retryVideos(client: QueryClient, videos: Video[]): Promise<void> {
  const takeBack = await changeNow(client, videos, (video) => ({
    ...video,
    state: "queued",
    error: null,
    progress: 0,
  }));
  const answers: Video[] = [];
  const failures = await eachOf(videos, async ({ id }) => {
    const params = { path: { id } };
    answers.push(await body(api.POST("/v1/videos/{id}/retry", { params })));
  });
  takeBack(idsOf(failures));
  writeAnswers(client, answers);
  if (answers.length > 0) tell(text.library.retried(answers.length));
  failed(failures, text.library.notRetried);
}

/** Gives a video another title; an empty one leaves the file name. */
export async function renameVideo(client: QueryClient, video: Video, title: string): Promise<void> {
  const wanted = title.trim() || null;
  const takeBack = await changeNow(client, [video], (now) => ({ ...now, title: wanted }));
  try {
    const params = { path: { id: video.id } };
    const answer = await body(api.PATCH("/v1/videos/{id}", { params, body: { title: wanted } }));
    writeAnswers(client, [answer]);
    tell(text.library.renamed, { timeoutMs: 3000 });
  } catch (reason) {
    takeBack();
    tellError(text.library.notRenamed(titleOf(video)), reason);
  }
}

type TagChange = (tags: readonly string[]) => string[];

export const withTag =
  (tag: string): TagChange =>
  (tags) =>
    tags.includes(tag) ? [...tags] : [...tags, tag];
export const withoutTag =
  (tag: string): TagChange =>
  (tags) =>
    tags.filter((one) => one !== tag);

/** Changes the tags of videos. `done` says it, with the number of videos. */
export async function changeTags(
  client: QueryClient,
  videos: Video[],
  change: TagChange,
  done: (count: number) => string,
): Promise<void> {
  const takeBack = await changeNow(client, videos, (video) => ({
    ...video,
    tags: change(video.tags ?? []),
  }));
  const answers: Video[] = [];
  const failures = await eachOf(videos, async ({ id }) => {
    answers.push(await patchTags(id, change));
  });
  takeBack(idsOf(failures));
  writeAnswers(client, answers);
  if (answers.length > 0) tell(done(answers.length), { timeoutMs: 4000 });
  failed(failures, text.library.notTagged);
}

// The tags are those of the server, which others may have changed since the list was read.
async function patchTags(id: string, change: TagChange): Promise<Video> {
  const params = { path: { id } };
  for (let tried = 1; ; tried += 1) {
    const { data, response } = await api.GET("/v1/videos/{id}", { params });
    const etag = response.headers.get("etag");
    const headers = etag ? { "If-Match": etag } : {};
    try {
      const tags = change(data?.tags ?? []);
      return await body(api.PATCH("/v1/videos/{id}", { params, body: { tags }, headers }));
    } catch (reason) {
      const isChanged = reason instanceof ApiError && reason.status === 412;
      if (!isChanged || tried === 3) throw reason;
    }
  }
}
