import { expect, test } from "vitest";
import type { DeadLetter } from "../api/types";
import { without } from "./lists";

const letter = (id: string): DeadLetter => ({
  id,
  receive_count: 3,
  died_at: "2026-11-30T12:00:00Z",
  body: "{}",
});

test("a dead letter goes from its page, and the others stay in their order", () => {
  const lists = {
    pages: [
      { dead_letters: [letter("a"), letter("b")], next_cursor: "2" },
      { dead_letters: [letter("c")] },
    ],
    pageParams: ["", "2"],
  };
  const ids = without(lists, "b").pages.map((page) => page.dead_letters.map(({ id }) => id));
  expect(ids).toEqual([["a"], ["c"]]);
  expect(without(lists, "b").pages[0]?.next_cursor).toBe("2");
  expect(lists.pages[0]?.dead_letters).toHaveLength(2);
});
