// The pages of the list that are in memory: a window of the whole, which may have 100,000 videos.

import { type InfiniteData, useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef } from "react";
import { api, body } from "../api/client";
import { keys } from "../api/queries";
import type { Video, VideoList } from "../api/types";
import { type ListQuery, TRASH } from "./filters";
import { usePin } from "./pin";
import { extentOf, nextStep } from "./window";

export const PAGE_SIZE = 100;
const MAX_PAGES = 6;

export interface PageParam {
  page: number;
  cursor?: string;
}

type Pages = InfiniteData<VideoList, PageParam>;

const readPage = (query: ListQuery, { cursor }: PageParam, before?: string, signal?: AbortSignal) =>
  body<VideoList>(
    api.GET("/v1/videos", {
      params: {
        query: {
          ...query,
          limit: PAGE_SIZE,
          ...(cursor ? { cursor } : {}),
          ...(before ? { created_before: before } : {}),
        },
      },
      ...(signal ? { signal } : {}),
    }),
  );

export function useVideoPages(query: ListQuery) {
  const client = useQueryClient();
  const hash = JSON.stringify(query);
  // biome-ignore lint/correctness/useExhaustiveDependencies: equal queries are one list.
  const key = useMemo(() => [...keys.videos, query] as const, [hash]);
  // Cursors of all pages that were seen: those before the window are read again by them.
  // biome-ignore lint/correctness/useExhaustiveDependencies: each list has its own.
  const cursors = useMemo(() => new Map<number, string | undefined>(), [key]);
  const newest = useRef<string | undefined>(undefined);
  const pin = usePin(newest, () => void client.invalidateQueries({ queryKey: key }));

  const result = useInfiniteQuery<VideoList, Error, Pages, typeof key, PageParam>({
    queryKey: key,
    initialPageParam: { page: 0 },
    queryFn: ({ pageParam, signal }) => readPage(query, pageParam, pin.bound(), signal),
    getNextPageParam: (last, _pages, { page }) =>
      last.next ? { page: page + 1, cursor: last.next } : undefined,
    getPreviousPageParam: (_first, _pages, { page }) => {
      if (page === 0) return undefined;
      const cursor = cursors.get(page - 1);
      return cursor ? { page: page - 1, cursor } : { page: 0 };
    },
    maxPages: MAX_PAGES,
  });
  const { data, isFetching, isError, hasNextPage, hasPreviousPage } = result;
  const { fetchNextPage, fetchPreviousPage } = result;

  const isTrash = query.state === TRASH;
  const first = (data?.pageParams[0]?.page ?? 0) * PAGE_SIZE;
  const videos = useMemo(
    () =>
      (data?.pages ?? [])
        .flatMap((page) => page.videos)
        // Those that were just deleted or restored leave at once.
        .filter((video) => (video.state === TRASH) === isTrash),
    [data, isTrash],
  );
  useEffect(() => {
    data?.pageParams.forEach(({ page, cursor }) => {
      cursors.set(page, cursor);
    });
    const last = data?.pageParams.at(-1);
    const next = data?.pages.at(-1)?.next;
    if (last && next) cursors.set(last.page + 1, next);
    // The list has become shorter.
    else if (last) for (const page of cursors.keys()) if (page > last.page) cursors.delete(page);
    if (first === 0) newest.current = newestOf(videos);
  }, [data, cursors, first, videos]);

  const total = data?.pages[0]?.total ?? 0;
  const lastSeen = Math.max(-1, ...cursors.keys());
  const extent = extentOf({
    end: first + videos.length,
    hasNext: hasNextPage,
    lastSeen,
    total,
    pageSize: PAGE_SIZE,
  });

  // A place far from the window that was seen before: the window begins anew there.
  const isJumping = useRef(false);
  const jump = useCallback(
    async (page: number) => {
      if (isJumping.current) return;
      isJumping.current = true;
      const cursor = cursors.get(page);
      const param: PageParam = cursor ? { page, cursor } : { page: 0 };
      try {
        const list = await readPage(query, param, pin.bound());
        client.setQueryData<Pages>(key, { pages: [list], pageParams: [param] });
      } catch {
        // The place stays blank until the next movement.
      } finally {
        isJumping.current = false;
      }
    },
    [client, key, query, cursors, pin],
  );

  /** Reads what is needed to show these videos of the whole list. */
  const show = useCallback(
    (from: number, to: number) => {
      if (isFetching || isError) return;
      const at = { from, to, first, end: first + videos.length, pageSize: PAGE_SIZE };
      const step = nextStep(at, hasNextPage, hasPreviousPage);
      if (step === "next") void fetchNextPage();
      else if (step === "previous") void fetchPreviousPage();
      else if (typeof step === "number") void jump(step);
    },
    [
      isFetching,
      isError,
      first,
      videos.length,
      hasNextPage,
      hasPreviousPage,
      fetchNextPage,
      fetchPreviousPage,
      jump,
    ],
  );

  return { ...result, videos, first, extent, total, show };
}

function newestOf(videos: Video[]): string | undefined {
  return videos.reduce<string | undefined>((newest, { timings }) => {
    const at = timings.created_at;
    return at && (!newest || at > newest) ? at : newest;
  }, undefined);
}
