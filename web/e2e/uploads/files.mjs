// Files for the walks, made from one clip: a `free` box at the end of an MP4 file changes no picture.

import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const LARGE_BYTES = 22 << 20;

function freeBox(bytes) {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(bytes + 8);
  head.write("free", 4);
  return Buffer.concat([head, randomBytes(bytes)]);
}

export function makeFiles(folder, clip) {
  const video = readFileSync(clip);
  const write = (name, content) => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return { name, path, size: content.length };
  };
  return {
    // A video of its own that one PUT sends.
    small: (name) => write(name, Buffer.concat([video, freeBox(64)])),
    // A video of five parts.
    large: (name) => write(name, Buffer.concat([video, freeBox(LARGE_BYTES)])),
    // Another content of the same size.
    sameSize: (name, { path }) =>
      write(name, Buffer.concat([video, freeBox(statSync(path).size - video.length - 8)])),
    copy: (name, { path }) => write(name, readFileSync(path)),
    // A folder with two videos, one of them further down, and a text.
    folder: (name) => {
      const below = join(name, "week 2");
      mkdirSync(join(folder, below), { recursive: true });
      write(join(name, "first.mp4"), Buffer.concat([video, freeBox(64)]));
      write(join(below, "second.mp4"), Buffer.concat([video, freeBox(64)]));
      write(join(below, "notes.txt"), "no video");
      return join(folder, name);
    },
    noise: (name) => write(name, randomBytes(4096)),
    empty: (name) => write(name, Buffer.alloc(0)),
  };
}
