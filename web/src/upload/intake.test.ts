import { expect, test } from "vitest";
import { isMedia, takeInput } from "./intake";

test.each([
  ["film.mp4", "", true],
  ["FILM.MOV", "", true],
  ["film", "video/mp4", true],
  [".film.mp4", "video/mp4", false],
  ["notes.txt", "text/plain", false],
  ["cover.jpg", "image/jpeg", false],
])("%s (%s) of a folder", (name, type, is) => expect(isMedia({ name, type })).toBe(is));

const file = (name: string, path = "") =>
  Object.defineProperty(new File(["x"], name), "webkitRelativePath", { value: path });

test("of a folder, videos alone are taken, with their path", () => {
  const files = [file("a.mp4", "holiday/day 1/a.mp4"), file("b.txt", "holiday/b.txt")];
  const { files: taken, leftOut } = takeInput(files);
  expect(taken.map(({ file, folder }) => [file.name, folder])).toEqual([
    ["a.mp4", "holiday/day 1"],
  ]);
  expect(leftOut).toBe(1);
});

test("files that were chosen one by one are all taken", () => {
  expect(takeInput([file("b.txt")])).toMatchObject({ leftOut: 0, files: [{}] });
});
