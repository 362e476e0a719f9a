import {
  type FocusEvent,
  type KeyboardEvent,
  type MouseEvent,
  type RefObject,
  useEffect,
  useReducer,
  useRef,
} from "react";
import type { Video } from "../api/types";
import { useLibrary } from "./context";

interface ListKeys {
  list: RefObject<HTMLElement | null>;
  /** Index of the video that has the focus, or had it last. */
  active: RefObject<number>;
  videos: Video[];
  first: number;
  columns: number;
  scrollTo: (index: number) => void;
}

/** How far a key moves the focus. */
export function stepOf(key: string, columns: number): number {
  switch (key) {
    case "ArrowRight":
      return columns > 1 ? 1 : 0;
    case "ArrowLeft":
      return columns > 1 ? -1 : 0;
    case "ArrowDown":
      return columns;
    case "ArrowUp":
      return -columns;
    default:
      return 0;
  }
}

const IS_MAC = navigator.platform.startsWith("Mac");

/** Handlers of the list: arrows, space, Delete and Enter, and clicks with Shift or Ctrl. */
export function useListKeys({ list, active, videos, first, columns, scrollTo }: ListKeys) {
  const { select, removeByKey, mayManage } = useLibrary();
  const [, render] = useReducer((count: number) => count + 1, 0);
  const hadFocus = useRef(false);
  const wanted = useRef<number | null>(null);

  const linkAt = (index: number) =>
    list.current?.querySelector<HTMLElement>(`[data-index="${index}"]`) ?? null;
  const focusAt = (index: number) => {
    active.current = index;
    wanted.current = index;
    scrollTo(index);
    render();
  };
  // The row comes into the document first.
  useEffect(() => {
    if (wanted.current === null) return;
    const link = linkAt(wanted.current);
    if (!link) return;
    wanted.current = null;
    link.focus({ preventScroll: true });
  });
  // The video with the focus is gone: the one in its place gets it.
  // biome-ignore lint/correctness/useExhaustiveDependencies: only another list can take it away.
  useEffect(() => {
    if (!hadFocus.current || document.activeElement !== document.body || videos.length === 0)
      return;
    focusAt(Math.min(active.current, first + videos.length - 1));
  }, [videos]);

  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    const target = event.target as HTMLElement;
    // Events of menus come here as well.
    if (!list.current?.contains(target) || event.altKey) return;
    const at = active.current;
    const video = videos[at - first];
    if (!video) return;
    const step = stepOf(event.key, columns);
    if (step !== 0 && !target.matches("[aria-haspopup]")) {
      event.preventDefault();
      const next = Math.min(Math.max(at + step, first), first + videos.length - 1);
      const reached = videos[next - first];
      if (next === at || !reached) return;
      if (event.shiftKey && mayManage) {
        select(video, true);
        select(reached, true);
      }
      focusAt(next);
    } else if (event.key === " " && target.matches("a") && mayManage) {
      event.preventDefault();
      select(video, event.shiftKey);
    } else if (event.key === "Delete" || (IS_MAC && event.key === "Backspace")) {
      if (!mayManage) return;
      event.preventDefault();
      removeByKey(video);
    }
  };

  const onClickCapture = (event: MouseEvent<HTMLElement>) => {
    if (!(event.ctrlKey || event.metaKey || event.shiftKey) || !mayManage) return;
    const link = (event.target as HTMLElement).closest<HTMLElement>("a[data-index]");
    const index = Number(link?.dataset.index ?? Number.NaN);
    const video = videos[index - first];
    if (!link || !video) return;
    event.preventDefault();
    event.stopPropagation();
    link.focus({ preventScroll: true });
    select(video, event.shiftKey);
  };

  const onFocus = (event: FocusEvent<HTMLElement>) => {
    if (!list.current?.contains(event.target)) return;
    hadFocus.current = true;
    const item = event.target.closest("[data-testid=video]");
    const index = Number(item?.querySelector<HTMLElement>("[data-index]")?.dataset.index);
    if (!Number.isNaN(index) && index !== active.current) {
      active.current = index;
      render();
    }
  };
  const onBlur = (event: FocusEvent<HTMLElement>) => {
    const to = event.relatedTarget as HTMLElement | null;
    // A dialog gives it back.
    if (to && !list.current?.contains(to) && !to.closest("[role$=dialog], [role=menu]")) {
      hadFocus.current = false;
    }
  };
  return { onKeyDown, onClickCapture, onFocus, onBlur };
}
