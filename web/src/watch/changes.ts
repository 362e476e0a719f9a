// Changes of a video: shown at once, and taken back if the server refuses.

import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { updateVideo } from "../api/cache";
import { ApiError, api, body } from "../api/client";
import { keys } from "../api/queries";
import type { Video, VideoChange } from "../api/types";
import { text } from "../text/viewer";
import { tell, tellError } from "../ui/toasts";
import { isRestorable } from "./video";

const path = (id: string) => ({ params: { path: { id } } });

// Changes of this page must not refuse each other: one that is under way is waited for, and the ETag after a change
// stands for the one before.
let underWay: Promise<unknown> = Promise.resolve();
const successors = new Map<string, string>();

function newestOf(etag: string): string {
  const next = successors.get(etag);
  return next ? newestOf(next) : etag;
}

/** Reads a video and its ETag, which a later change of it names. */
export async function readEtag(id: string): Promise<string | null> {
  await underWay;
  const { response } = await api.GET("/v1/videos/{id}", path(id));
  return response.headers.get("etag");
}

/** Changes the metadata of a video. The result tells whether it was saved. */
export function useChange(id: string) {
  const client = useQueryClient();
  return async (change: VideoChange, etag: string | null = null): Promise<boolean> => {
    const before = client.getQueryData<Video>(keys.video(id));
    updateVideo(client, id, (video) => ({ ...video, ...(change as Partial<Video>) }));
    try {
      await underWay;
      const seen = etag && newestOf(etag);
      const params = { path: { id }, header: seen ? { "If-Match": seen } : {} };
      const asked = api.PATCH("/v1/videos/{id}", { params, body: change });
      underWay = asked.catch(() => undefined);
      const { data, response } = await asked;
      const next = response.headers.get("etag");
      if (seen && next && next !== seen) successors.set(seen, next);
      if (data) updateVideo(client, id, () => data);
      return true;
    } catch (reason) {
      if (before) updateVideo(client, id, (video) => ({ ...video, ...fieldsOf(before, change) }));
      tellRefused(client, id, reason);
      return false;
    }
  };
}

// Fields that the change overwrites: they alone are put back, so that later changes of others stay.
function fieldsOf(before: Video, change: VideoChange): Partial<Video> {
  const names = Object.keys(change) as (keyof Video)[];
  return Object.fromEntries(names.map((name) => [name, before[name]]));
}

function tellRefused(client: QueryClient, id: string, reason: unknown): void {
  if (reason instanceof ApiError && reason.status === 412) {
    void client.invalidateQueries({ queryKey: keys.video(id) });
    tellError(text.watch.changedMeanwhile, text.watch.changedMeanwhileMore);
    return;
  }
  tellError(text.watch.changeFailed, reason);
}

/** Deletes a video, and offers to undo that. */
export function useRemove(id: string) {
  const client = useQueryClient();
  const restore = useRestore(id);
  return async () => {
    const before = client.getQueryData<Video>(keys.video(id));
    updateVideo(client, id, (video) => ({ ...video, state: "deleting", playable: false }));
    try {
      const deleted = await body(api.DELETE("/v1/videos/{id}", path(id)));
      updateVideo(client, id, () => deleted);
      const undo = { label: text.common.undo, onClick: () => void restore() };
      tell(text.watch.deleted, isRestorable(deleted) ? { action: undo, timeoutMs: 10_000 } : {});
    } catch (reason) {
      if (before) updateVideo(client, id, () => before);
      tellError(text.watch.deleteFailed, reason);
    }
  };
}

/** Undoes the delete of a video. */
export function useRestore(id: string) {
  const client = useQueryClient();
  return async () => {
    try {
      const restored = await body(api.POST("/v1/videos/{id}/restore", path(id)));
      updateVideo(client, id, () => restored);
      void client.invalidateQueries({ queryKey: keys.video(id) });
      tell(text.watch.restored);
    } catch (reason) {
      tellError(text.watch.restoreFailed, reason);
    }
  };
}

/** Processes a video once more. */
export function useRetry(id: string) {
  const client = useQueryClient();
  return async () => {
    try {
      const queued = await body(api.POST("/v1/videos/{id}/retry", path(id)));
      updateVideo(client, id, () => queued);
      tell(text.watch.retried);
    } catch (reason) {
      tellError(text.watch.retryFailed, reason);
    }
  };
}
