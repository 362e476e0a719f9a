// Tells files apart by their content without reading all of it.

const MIB = 1 << 20;

/**
 * SHA-256 of the size (8 bytes, big-endian), the first and the last MiB, in hexadecimal digits. `null` if the
 * browser has no `crypto.subtle`, which it withholds from pages without TLS. Fails if the file cannot be read.
 */
export async function fingerprint(file: Blob): Promise<string | null> {
  if (!globalThis.crypto?.subtle) return null;
  const size = new DataView(new ArrayBuffer(8));
  size.setBigUint64(0, BigInt(file.size));
  const ends =
    file.size <= 2 * MIB ? [file] : [file.slice(0, MIB), file.slice(file.size - MIB, file.size)];
  const bytes = await new Blob([size, ...ends]).arrayBuffer();
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A random name of 128 bits. `crypto.randomUUID` is missing where there is no TLS. */
export function randomKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
