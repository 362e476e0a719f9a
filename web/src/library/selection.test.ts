import { expect, test } from "vitest";
import type { Video } from "../api/types";
import { extend, NOTHING, selectAll, toggle, without } from "./selection";

const list = ["a", "b", "c", "d"].map((id) => ({ id }) as Video);
const at = (index: number) => list[index] as Video;
const ids = (selection: typeof NOTHING) => [...selection.videos.keys()].sort().join("");

test("a range goes from the last video that was chosen, in both directions", () => {
  const chosen = toggle(NOTHING, at(2));
  expect(ids(extend(chosen, at(0), list))).toBe("abc");
  expect(ids(extend(chosen, at(3), list))).toBe("cd");
  // The beginning stays, so a second range replaces none of the first.
  expect(ids(extend(extend(chosen, at(0), list), at(3), list))).toBe("abcd");
});

test("a range whose beginning is in the list no more is one video", () => {
  const chosen = toggle(NOTHING, { id: "gone" } as Video);
  expect(ids(extend(chosen, at(1), list))).toBe("bgone");
});

test("a second choice takes a video out, and deleted ones go", () => {
  expect(ids(toggle(toggle(NOTHING, at(1)), at(1)))).toBe("");
  const all = selectAll(NOTHING, list);
  expect(ids(without(all, new Set(["a", "d", "x"])))).toBe("bc");
  expect(without(all, new Set(["x"]))).toBe(all);
});
