import fc from "fast-check";
import { expect, test } from "vitest";
import { type Filters, isNarrowed, listQuery, readFilters, SORTS, writeFilters } from "./filters";

const text = fc.string({ maxLength: 20 });
const filters: fc.Arbitrary<Filters> = fc.record({
  q: text,
  state: text,
  tag: text,
  code: text,
  sort: fc.constantFrom(...SORTS),
  view: fc.constantFrom("cards", "table"),
});

test("a URL keeps all filters, and what else it has", () => {
  fc.assert(
    fc.property(filters, (wanted) => {
      const written = writeFilters(new URLSearchParams("other=1"), wanted);
      expect(readFilters(new URLSearchParams(written.toString()))).toEqual(wanted);
      expect(written.get("other")).toBe("1");
    }),
  );
});

test("defaults are not in the URL, and unknown values are defaults", () => {
  const read = readFilters(new URLSearchParams("sort=colour&view=wall"));
  expect([read.sort, read.view]).toEqual(["-created", "cards"]);
  expect(writeFilters(new URLSearchParams(), read).toString()).toBe("");
  expect(isNarrowed(read)).toBe(false);
});

test.each([
  ["", "uploading,queued,waiting,running,ready,failed"],
  ["state=deleting", "deleting"],
  ["code=not-media", "failed"],
  ["code=not-media&state=waiting", "waiting"],
])("%s asks for the states %s", (search, states) => {
  expect(listQuery(readFilters(new URLSearchParams(search))).state).toBe(states);
});

test("lists that differ in their look alone are one list", () => {
  const read = (search: string) => listQuery(readFilters(new URLSearchParams(search)));
  expect(read("q=%20film%20&view=table")).toEqual(read("q=film"));
});
