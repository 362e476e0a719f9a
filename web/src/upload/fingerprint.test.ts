import { createHash } from "node:crypto";
import { afterEach, expect, test, vi } from "vitest";
import { fingerprint, randomKey } from "./fingerprint";

const MIB = 1 << 20;

afterEach(() => vi.unstubAllGlobals());

function expected(size: number, ...parts: Uint8Array[]): string {
  const head = Buffer.alloc(8);
  head.writeBigUInt64BE(BigInt(size));
  return createHash("sha256")
    .update(Buffer.concat([head, ...parts]))
    .digest("hex");
}

test.each([0, 1, 2 * MIB])("a small file of %d bytes is read whole", async (size) => {
  const bytes = new Uint8Array(size).fill(7);
  expect(await fingerprint(new Blob([bytes]))).toBe(expected(size, bytes));
});

test("of a large file, the first and the last MiB count, and the size", async () => {
  const bytes = new Uint8Array(3 * MIB);
  const print = () => fingerprint(new Blob([bytes]));
  const before = await print();
  expect(before).toBe(expected(3 * MIB, bytes.subarray(0, MIB), bytes.subarray(2 * MIB)));
  bytes[MIB + 5] = 1;
  expect(await print()).toBe(before);
  bytes[2 * MIB] = 1;
  expect(await print()).not.toBe(before);
  expect(await fingerprint(new Blob([new Uint8Array(4 * MIB)]))).not.toBe(before);
});

test("without crypto.subtle there is none", async () => {
  vi.stubGlobal("crypto", { getRandomValues: crypto.getRandomValues.bind(crypto) });
  expect(await fingerprint(new Blob(["a"]))).toBeNull();
  expect(randomKey()).toMatch(/^[0-9a-f]{32}$/);
});
