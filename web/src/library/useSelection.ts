import { useEffect, useState } from "react";
import type { Video } from "../api/types";
import { extend, NOTHING, type Selection, selectAll, toggle, without } from "./selection";

/** The selection of a list. Another list begins without one. */
export function useSelection(list: string, videos: Video[]) {
  const [state, setState] = useState<{ list: string; selection: Selection }>({
    list,
    selection: NOTHING,
  });
  const selection = state.list === list ? state.selection : NOTHING;
  const change = (next: (selection: Selection) => Selection) =>
    setState((now) => ({ list, selection: next(now.list === list ? now.selection : NOTHING) }));
  const isAny = selection.videos.size > 0;

  const clear = () => change(() => NOTHING);
  const all = () => change((now) => selectAll(now, videos));
  // biome-ignore lint/correctness/useExhaustiveDependencies: the handlers are made anew each time.
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (event.defaultPrevented || target.closest("[role$=dialog], [role=menu]")) return;
      if (event.key === "Escape" && isAny) clear();
      const isText = target.matches("input:not([type=checkbox]), textarea, select");
      if ((event.ctrlKey || event.metaKey) && event.key === "a" && isAny && !isText) {
        event.preventDefault();
        all();
      }
    };
    addEventListener("keydown", onKeyDown);
    return () => removeEventListener("keydown", onKeyDown);
  }, [isAny, videos, list]);

  // As they are now, where they are in memory.
  const current = new Map(videos.map((video) => [video.id, video]));
  const selected = [...selection.videos.values()].map((video) => current.get(video.id) ?? video);
  return {
    selected,
    has: (id: string) => selection.videos.has(id),
    select: (video: Video, isRange: boolean) =>
      change((now) => (isRange ? extend(now, video, videos) : toggle(now, video))),
    drop: (ids: ReadonlySet<string>) => change((now) => without(now, ids)),
    clear,
    all,
  };
}
