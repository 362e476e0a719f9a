import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useRef, useState } from "react";
import type { Video } from "../api/types";
import { useMay } from "../session/session";
import { text } from "../text";
import { deleteVideos, restoreVideos } from "./actions";
import { namesOf } from "./share";
import { canUndo } from "./trash";

/** Deletes at once where that can be undone, and asks before where it cannot. */
export function useDelete(onDeleted: (ids: ReadonlySet<string>) => void) {
  const client = useQueryClient();
  const isAdmin = useMay("admin");
  const last = useRef<Video[]>([]);
  const [question, setQuestion] = useState<{ videos: Video[]; description: string } | null>(null);
  const [isAsking, setAsking] = useState(false);

  const restore = useCallback(
    (videos: Video[]) => {
      // Once is enough, whether by the toast or by the keys.
      if (last.current === videos) last.current = [];
      if (videos.length > 0) void restoreVideos(client, videos);
    },
    [client],
  );
  const go = useCallback(
    async (videos: Video[]) => {
      onDeleted(new Set(videos.map(({ id }) => id)));
      last.current = await deleteVideos(client, videos, restore);
    },
    [client, onDeleted, restore],
  );
  const remove = useCallback(
    async (videos: Video[]) => {
      if (videos.length === 0) return;
      const answer = await canUndo(isAdmin);
      if (answer) {
        await go(videos);
        return;
      }
      const names = namesOf(videos);
      const { deleteForever, deleteMaybe } = text.library;
      const description = answer === false ? deleteForever(names) : deleteMaybe(names);
      setQuestion({ videos, description });
      setAsking(true);
    },
    [isAdmin, go],
  );
  const undo = useCallback(() => restore(last.current), [restore]);

  const confirm = question && {
    open: isAsking,
    onOpenChange: setAsking,
    title: text.library.deleteTitle(question.videos.length),
    description: question.description,
    confirm: text.library.delete,
    onConfirm: () => void go(question.videos),
  };
  return { remove, undo, confirm };
}
