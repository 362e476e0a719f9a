// The files of the queue that this tab has at hand, and whether one that is given again is the same.

import { text } from "../text";
import { fingerprint } from "./fingerprint";
import type { Item } from "./item";
import { isOtherVersion, isSameFile } from "./queue";

export interface Given {
  file: File;
  /** Opens the file after a reload (File System Access). */
  handle?: FileSystemFileHandle | undefined;
  /** Path of the folder that it was dropped with. */
  folder?: string | undefined;
}

// Not in the types of TypeScript yet.
interface Asking {
  queryPermission?: (how: { mode: "read" }) => Promise<PermissionState>;
  requestPermission?: (how: { mode: "read" }) => Promise<PermissionState>;
}

/** Why the file is not that of the item, or `null` if it is. */
export async function misfit(item: Item, file: File): Promise<string | null> {
  if (file.size !== item.size) return text.upload.otherSize(file.name, file.size, item.size);
  const found = { name: file.name, size: file.size, modified: file.lastModified };
  let content: string | null;
  try {
    content = item.fingerprint === null ? null : await fingerprint(file);
  } catch {
    return text.upload.gone(file.name);
  }
  const given = { ...found, fingerprint: content };
  if (!isSameFile(given, item)) return text.upload.otherContent(file.name);
  return isOtherVersion(given, item) ? text.upload.otherDate(file.name) : null;
}

/** Opens a file by its handle. `null` if the browser asks first and `mayAsk` is false, or if the user refuses. */
export async function openHandle(
  handle: FileSystemFileHandle,
  mayAsk: boolean,
): Promise<File | null> {
  const asking = handle as FileSystemFileHandle & Asking;
  const how = { mode: "read" } as const;
  let permission = (await asking.queryPermission?.(how)) ?? "granted";
  if (permission === "prompt" && mayAsk)
    permission = (await asking.requestPermission?.(how)) ?? permission;
  return permission === "granted" ? handle.getFile() : null;
}

/** Whether the bytes can still be read: a browser fails to send a file that was changed. */
export async function isReadable(file: File): Promise<boolean> {
  try {
    await file.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}
