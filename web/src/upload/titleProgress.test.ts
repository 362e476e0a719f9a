import { afterEach, expect, test, vi } from "vitest";
import { showInTitle } from "./titleProgress";

afterEach(() => vi.unstubAllGlobals());

test("title and icon tell the progress, and are put back", () => {
  const icon = new Map([["href", "/favicon.svg"]]);
  const link = {
    getAttribute: (name: string) => icon.get(name),
    setAttribute: (name: string, value: string) => icon.set(name, value),
  };
  const page = { title: "ladderd", querySelector: () => link };
  vi.stubGlobal("document", page);
  showInTitle(0.425);
  expect(page.title).toBe("42 % · ladderd");
  expect(icon.get("href")).toContain("data:image/svg+xml,");
  // A view has set its own title.
  page.title = "film · ladderd";
  showInTitle(0.43);
  expect(page.title).toBe("43 % · film · ladderd");
  showInTitle(null);
  expect(page.title).toBe("film · ladderd");
  expect(icon.get("href")).toBe("/favicon.svg");
});
