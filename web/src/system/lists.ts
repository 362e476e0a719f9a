import type { InfiniteData } from "@tanstack/react-query";
import type { DeadLetterList } from "../api/types";

export type Lists = InfiniteData<DeadLetterList, string>;

/** The pages without one dead letter. */
export function without(lists: Lists, id: string): Lists {
  const pages = lists.pages.map((page) => ({
    ...page,
    dead_letters: page.dead_letters.filter((letter) => letter.id !== id),
  }));
  return { ...lists, pages };
}
