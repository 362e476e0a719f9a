// Toasts: `tell` and `tellError` work from anywhere.

import { lazy, Suspense, useSyncExternalStore } from "react";

const ToastList = lazy(() => import("./ToastList"));

export interface ToastData {
  tone: "info" | "bad";
  action?: { label: string; onClick: () => void };
}

interface ToastOptions {
  /** A button, such as "Undo". */
  action?: { label: string; onClick: () => void };
  /** How long it stays, in milliseconds. */
  timeoutMs?: number;
}

let count = 0;
const listeners = new Set<() => void>();

/** Tells something in passing. It is read out, and the focus stays where it is. Returns its id. */
export function tell(title: string, { action, timeoutMs = 6000 }: ToastOptions = {}): string {
  const data: ToastData = action ? { tone: "info", action } : { tone: "info" };
  return add({ title, timeout: timeoutMs, data });
}

/** Tells that something failed. It stays until it is closed. Returns its id. */
export function tellError(title: string, reason: unknown): string {
  const description = reason instanceof Error ? reason.message : String(reason);
  return add({ title, description, timeout: 0, priority: "high", data: { tone: "bad" } });
}

/** Takes a toast away. */
export const untell = (id: string) => withManager((manager) => manager.close(id));

interface Added {
  id: string;
  title: string;
  description?: string;
  timeout: number;
  priority?: "high";
  data: ToastData;
}

interface Manager {
  add(toast: Added): void;
  close(id: string): void;
}

let list: Manager | null = null;
// Toasts from before the list was there to show them, which the manager would drop.
const early: ((manager: Manager) => void)[] = [];

function withManager(use: (manager: Manager) => void): void {
  if (list) use(list);
  else early.push(use);
}

/** Called by the list as soon as it can show toasts. */
export function onListReady(manager: Manager): void {
  list = manager;
  for (const use of early.splice(0)) use(manager);
}

function add(toast: Omit<Added, "id">): string {
  count += 1;
  const id = `toast-${count}`;
  for (const listener of listeners) listener();
  withManager((manager) => manager.add({ id, ...toast }));
  return id;
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The place of all toasts. */
export function Toasts() {
  const isNeeded = useSyncExternalStore(subscribe, () => count > 0);
  return isNeeded ? (
    <Suspense fallback={null}>
      <ToastList />
    </Suspense>
  ) : null;
}
