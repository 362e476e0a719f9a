import { expect, test } from "vitest";
import type { Setting } from "../api/types";
import { bySection, find, shown } from "./search";

const setting = (key: string, more: Partial<Setting> = {}): Setting => ({
  key,
  value: null,
  is_secret: false,
  default: null,
  origin: "default",
  takes_effect: "on-restart",
  doc: "",
  ...more,
});

const settings = [
  setting("data_dir", { value: "/var/lib/ladderd", doc: "Folder of the embedded store." }),
  setting("http.listen", { value: "0.0.0.0:80", origin: "file", source: "/etc/l.toml" }),
  setting("http.hosts", { value: [] }),
  setting("s3.secret_key", { value: "embedded", is_secret: true, origin: "environment" }),
];
const keys = (found: Setting[]) => found.map(({ key }) => key);

test("all words must occur, in whatever part and case", () => {
  const all = { isChangedOnly: false };
  expect(keys(find(settings, { ...all, words: "HTTP 0.0" }))).toEqual(["http.listen"]);
  expect(keys(find(settings, { ...all, words: " l.toml " }))).toEqual(["http.listen"]);
  expect(keys(find(settings, { ...all, words: "" }))).toHaveLength(4);
  expect(keys(find(settings, { ...all, words: "http nothing" }))).toEqual([]);
});

test("a secret is not found by its value", () => {
  expect(keys(find(settings, { words: "embedded", isChangedOnly: false }))).toEqual(["data_dir"]);
});

test("defaults can be left out", () => {
  const found = find(settings, { words: "", isChangedOnly: true });
  expect(keys(found)).toEqual(["http.listen", "s3.secret_key"]);
});

test("sections keep their order", () => {
  expect(bySection(settings).map(([name, own]) => [name, own.length])).toEqual([
    ["", 1],
    ["http", 2],
    ["s3", 1],
  ]);
});

test.each([
  [null, "empty"],
  ["", "empty"],
  [[], "empty"],
  ["text", "text"],
  [false, "false"],
  [0, "0"],
  [["a", "b"], "a, b"],
  [[{ a: 1 }], '[\n  {\n    "a": 1\n  }\n]'],
])("%j reads %s", (value, expected) => expect(shown(value)).toBe(expected));
