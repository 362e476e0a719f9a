import { useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useSearchParams } from "wouter";
import { api, body } from "../api/client";
import type { Video } from "../api/types";
import { useMay } from "../session/session";
import { text } from "../text";
import { Confirm } from "../ui/Dialog";
import { Notice } from "../ui/Notice";
import {
  changeTags,
  renameVideo,
  restoreVideos,
  retryVideos,
  withoutTag,
  withTag,
} from "./actions";
import { type LibraryActions, LibraryContext } from "./context";
import type { Dialog } from "./Dialogs";
import { type Filters, listQuery, readFilters, writeFilters } from "./filters";
import css from "./Library.module.css";
import { useVideoPages } from "./pages";
import { SelectionBar } from "./SelectionBar";
import { States } from "./States";
import { Toolbar } from "./Toolbar";
import { useDelete } from "./useDelete";
import { useSelection } from "./useSelection";
import { VideoList } from "./VideoList";

const Dialogs = lazy(() => import("./Dialogs"));

/** Search, list, selection, and what can be done with them. */
export function Library() {
  const client = useQueryClient();
  const mayManage = useMay("manage");
  const [search, setSearch] = useSearchParams();
  const filters = readFilters(search);
  const query = listQuery(filters);
  const hash = JSON.stringify(query);
  const pages = useVideoPages(query);
  const { videos, first, extent, total, show, data, isPlaceholderData } = pages;
  const selection = useSelection(hash, videos);
  const [dialog, setDialog] = useState<Dialog>(null);
  const latest = useRef({ filters, selection });
  latest.current = { filters, selection };

  const setFilters = useCallback(
    (next: Filters) => {
      const isAnotherList =
        JSON.stringify(listQuery(next)) !== JSON.stringify(listQuery(latest.current.filters));
      setSearch((now) => writeFilters(now, next), { replace: true });
      if (isAnotherList) window.scrollTo({ top: 0 });
    },
    [setSearch],
  );
  const onDeleted = useCallback((ids: ReadonlySet<string>) => {
    latest.current.selection.drop(ids);
  }, []);
  const { remove, undo, confirm } = useDelete(onDeleted);
  const actions = useMemo<LibraryActions>(
    () => ({
      mayManage,
      select: (video, isRange) => latest.current.selection.select(video, isRange),
      remove: (chosen) => void remove(chosen),
      removeByKey: (video) => {
        const { selected } = latest.current.selection;
        const chosen = selected.length > 0 ? selected : [video];
        void remove(chosen.filter(({ state }) => state !== "deleting"));
      },
      restore: (chosen) => {
        onDeleted(new Set(chosen.map(({ id }) => id)));
        void restoreVideos(client, chosen);
      },
      retry: (chosen) => void retryVideos(client, chosen),
      rename: (video) => setDialog({ kind: "rename", video }),
      editTags: (video) => setDialog({ kind: "tags", video }),
      filterTag: (tag) => setFilters({ ...latest.current.filters, tag }),
    }),
    [client, mayManage, remove, onDeleted, setFilters],
  );
  useUndoKey(undo);

  const tags = useTags(videos);
  const change = (chosen: Video[], tag: string, isAdded: boolean) => {
    const done = (count: number) =>
      isAdded ? text.library.tagged(count, tag) : text.library.untagged(count, tag);
    void changeTags(client, chosen, isAdded ? withTag(tag) : withoutTag(tag), done);
  };
  const isCounted = data !== undefined && !isPlaceholderData;
  const list = (
    <VideoList
      key={filters.view}
      view={filters.view}
      videos={videos}
      first={first}
      extent={extent}
      total={total}
      isSelected={selection.has}
      show={show}
      sort={filters.sort}
      onSort={(sort) => setFilters({ ...filters, sort })}
    />
  );
  return (
    <LibraryContext value={actions}>
      <div className={css.top}>
        <div inert={selection.selected.length > 0}>
          <Toolbar filters={filters} tags={tags} onChange={setFilters} />
        </div>
        {selection.selected.length > 0 && (
          <div className={css.over}>
            <SelectionBar
              selected={selection.selected}
              loaded={videos.length}
              onSelectAll={selection.all}
              onClear={selection.clear}
              onAddTag={() => setDialog({ kind: "add", videos: selection.selected })}
              onRemoveTag={() => setDialog({ kind: "remove", videos: selection.selected })}
            />
          </div>
        )}
      </div>
      {data?.pages[0]?.is_complete === false && (
        <Notice tone="info" testId="incomplete">
          {text.library.incomplete}
        </Notice>
      )}
      <p className={css.count} role="status" data-testid="count" aria-live="polite">
        {isCounted && total > 0 && text.library.count(total)}
        {!isCounted && !pages.error && text.library.counting}
      </p>
      <p className="visually-hidden">{text.library.keys}</p>
      <div
        className={isPlaceholderData ? css.old : undefined}
        aria-busy={!isCounted && !pages.error}
      >
        <States pages={pages} filters={filters} onFilters={setFilters} list={list} />
      </div>
      {dialog && (
        <Suspense fallback={null}>
          <Dialogs
            dialog={dialog}
            tags={tags}
            onClose={() => setDialog(null)}
            onRename={(video, title) => void renameVideo(client, video, title)}
            onTags={(video, wanted) =>
              void changeTags(
                client,
                [video],
                () => wanted,
                () => text.library.tagsSaved,
              )
            }
            onTag={change}
          />
        </Suspense>
      )}
      {confirm && <Confirm {...confirm} />}
    </LibraryContext>
  );
}

const MAX_TAGS = 1000;

// The tags of all videos, and those that were given since.
function useTags(videos: Video[]): string[] {
  const { data } = useQuery({
    queryKey: ["tags"],
    queryFn: () => body(api.GET("/v1/tags", { params: { query: { limit: MAX_TAGS } } })),
  });
  const seen = useRef(new Set<string>());
  return useMemo(() => {
    for (const video of videos) for (const tag of video.tags ?? []) seen.current.add(tag);
    return [...new Set([...(data?.tags ?? []), ...seen.current])].sort();
  }, [videos, data]);
}

/** Ctrl+Z undoes the last delete. */
function useUndoKey(undo: () => void) {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      const isText = target.matches("input:not([type=checkbox]), textarea");
      if (event.key !== "z" || !(event.ctrlKey || event.metaKey) || isText) return;
      undo();
    };
    addEventListener("keydown", onKeyDown);
    return () => removeEventListener("keydown", onKeyDown);
  }, [undo]);
}
