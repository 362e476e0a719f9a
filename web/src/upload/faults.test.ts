import { expect, test, vi } from "vitest";

vi.hoisted(() => vi.stubGlobal("location", { origin: "http://localhost" }));
const { ApiError } = await import("../api/client");
const { apiFault, storeFault } = await import("./faults");

test.each([
  [0, "", "network"],
  [401, "not-signed-in", "signed-out"],
  [403, "forbidden", "final"],
  [404, "not-found", "gone"],
  [409, "conflict", "server"],
  [409, "source-changed", "gone"],
  [413, "too-large", "final"],
  [429, "too-many-requests", "server"],
  [503, "store-unavailable", "server"],
  [507, "insufficient-storage", "final"],
])("the API answers %d %s", (status, code, kind) => {
  expect(apiFault(new ApiError(status, code, "said")).kind).toBe(kind);
});

test("a refusal of the name reads as a sentence", () => {
  const refusal = new ApiError(400, "invalid-request", "filename: must end with one of .mp4");
  expect(apiFault(refusal).message).toBe("The name of the file must end with one of .mp4");
});

test("a request that takes too long is tried again", () => {
  expect(apiFault(new DOMException("", "TimeoutError")).kind).toBe("network");
});

test.each([
  [0, "network"],
  [400, "final"],
  [403, "expired"],
  [404, "gone"],
  [409, "server"],
  [500, "server"],
  [503, "server"],
  [507, "final"],
])("the store answers %d", (status, kind) => expect(storeFault(status).kind).toBe(kind));
