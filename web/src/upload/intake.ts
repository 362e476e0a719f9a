// Files as they come: chosen, dropped or pasted, with the folders that they are in.

import type { Given } from "./files";

const MEDIA =
  /\.(3g2|3gp|asf|avi|divx|f4v|flv|m1v|m2t|m2ts|m2v|m4v|mjpeg|mkv|mov|mp4|mpe?g|mts|mxf|ogm|ogv|qt|rm|rmvb|ts|vob|webm|wmv|y4m)$/i;

/** Whether a file of a folder is meant: folders hold other files, too. Those chosen one by one are all meant. */
export const isMedia = ({ name, type }: Pick<File, "name" | "type">) =>
  !name.startsWith(".") && (type.startsWith("video/") || MEDIA.test(name));

export interface Taken {
  files: Given[];
  /** Files of folders that are no videos. */
  leftOut: number;
}

// Not in the types of TypeScript yet.
type Item = DataTransferItem & { getAsFileSystemHandle?: () => Promise<FileSystemHandle | null> };
type Folder = FileSystemDirectoryHandle & { values: () => AsyncIterable<FileSystemHandle> };
interface Pickers {
  showOpenFilePicker?: (how: { multiple: boolean }) => Promise<FileSystemFileHandle[]>;
  showDirectoryPicker?: () => Promise<FileSystemDirectoryHandle>;
}

/** Reads what was dropped or pasted. What it is must be asked before the event ends. */
export function takeTransfer(transfer: DataTransfer): Promise<Taken> {
  const things = Array.from(transfer.items)
    .filter(({ kind }) => kind === "file")
    .map((item: Item) => ({
      file: item.getAsFile(),
      entry: item.webkitGetAsEntry?.() ?? null,
      handle: item.getAsFileSystemHandle?.().catch(() => null) ?? Promise.resolve(null),
    }));
  const taken: Taken = { files: [], leftOut: 0 };
  const all = things.map(async ({ file, entry, handle: promise }) => {
    const handle = await promise;
    if (handle?.kind === "directory") return readFolder(handle as Folder, handle.name, taken);
    if (entry?.isDirectory) return readEntry(entry as FileSystemDirectoryEntry, entry.name, taken);
    if (!file) return;
    taken.files.push({ file, ...(handle ? { handle: handle as FileSystemFileHandle } : {}) });
  });
  return Promise.all(all).then(() => taken);
}

function takeOf(folder: string, file: File, taken: Taken, handle?: FileSystemFileHandle): void {
  if (isMedia(file)) taken.files.push({ file, folder, handle });
  else taken.leftOut += 1;
}

async function readFolder(folder: Folder, path: string, taken: Taken): Promise<void> {
  for await (const handle of folder.values()) {
    if (handle.kind === "directory") {
      await readFolder(handle as Folder, `${path}/${handle.name}`, taken);
    } else {
      const file = handle as FileSystemFileHandle;
      takeOf(path, await file.getFile(), taken, file);
    }
  }
}

async function readEntry(
  folder: FileSystemDirectoryEntry,
  path: string,
  taken: Taken,
): Promise<void> {
  const reader = folder.createReader();
  for (;;) {
    // It returns some at a time.
    const entries = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (entries.length === 0) return;
    for (const entry of entries) {
      if (entry.isDirectory) {
        await readEntry(entry as FileSystemDirectoryEntry, `${path}/${entry.name}`, taken);
      } else {
        const file = await new Promise<File>((resolve, reject) =>
          (entry as FileSystemFileEntry).file(resolve, reject),
        );
        takeOf(path, file, taken);
      }
    }
  }
}

/** Files of an input. */
export function takeInput(files: Iterable<File>): Taken {
  const taken: Taken = { files: [], leftOut: 0 };
  for (const file of files) {
    const path = file.webkitRelativePath;
    if (path) takeOf(path.slice(0, path.lastIndexOf("/")), file, taken);
    else taken.files.push({ file });
  }
  return taken;
}

const cancelled = (reason: unknown) =>
  reason instanceof DOMException && reason.name === "AbortError";

/** Lets the user choose files. Returns `null` if the browser has an input for that alone. */
export async function pickFiles(multiple: boolean): Promise<Taken | null> {
  const pickers = window as unknown as Pickers;
  if (!pickers.showOpenFilePicker) return null;
  try {
    const handles = await pickers.showOpenFilePicker({ multiple });
    const files = handles.map(async (handle) => ({ file: await handle.getFile(), handle }));
    return { files: await Promise.all(files), leftOut: 0 };
  } catch (reason) {
    if (cancelled(reason)) return { files: [], leftOut: 0 };
    throw reason;
  }
}

/** Lets the user choose a folder. Returns `null` if the browser has an input for that alone. */
export async function pickFolder(): Promise<Taken | null> {
  const pickers = window as unknown as Pickers;
  if (!pickers.showDirectoryPicker) return null;
  const taken: Taken = { files: [], leftOut: 0 };
  try {
    const folder = (await pickers.showDirectoryPicker()) as Folder;
    await readFolder(folder, folder.name, taken);
    return taken;
  } catch (reason) {
    if (cancelled(reason)) return taken;
    throw reason;
  }
}
