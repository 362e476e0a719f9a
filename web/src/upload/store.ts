// The queue in IndexedDB: it survives a reload, a crash and the night.

import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import type { Kept } from "./item";

interface Schema extends DBSchema {
  items: { key: string; value: Kept };
  // Apart from the items: a browser that cannot store handles stores the item all the same.
  handles: { key: string; value: FileSystemFileHandle };
}

export class Store {
  #db: Promise<IDBPDatabase<Schema>>;

  constructor(name = "ladderd.uploads") {
    this.#db = openDB<Schema>(name, 1, {
      upgrade(db) {
        db.createObjectStore("items", { keyPath: "key" });
        db.createObjectStore("handles");
      },
      // A later version of the page wants to change it.
      blocking: (_old, _new, event) => (event.target as IDBDatabase).close(),
    });
    // Each use fails by itself.
    this.#db.catch(() => undefined);
  }

  /** Items in the order in which they were added. */
  async all(): Promise<Kept[]> {
    const items = await (await this.#db).getAll("items");
    return items.sort((a, b) => a.addedAt - b.addedAt || (a.key < b.key ? -1 : 1));
  }

  async get(key: string): Promise<Kept | null> {
    return (await (await this.#db).get("items", key)) ?? null;
  }

  async put(item: Kept): Promise<void> {
    await (await this.#db).put("items", item);
  }

  async remove(key: string): Promise<void> {
    const change = (await this.#db).transaction(["items", "handles"], "readwrite");
    await Promise.all([
      change.objectStore("items").delete(key),
      change.objectStore("handles").delete(key),
      change.done,
    ]);
  }

  async putHandle(key: string, handle: FileSystemFileHandle): Promise<void> {
    await (await this.#db).put("handles", handle, key);
  }

  async handle(key: string): Promise<FileSystemFileHandle | null> {
    return (await (await this.#db).get("handles", key)) ?? null;
  }
}
