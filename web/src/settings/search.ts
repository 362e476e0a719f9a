// Search in the settings.

import type { Setting } from "../api/types";
import { text } from "../text/operator";

/** A value as people read it: JSON, but texts without quotes. */
export function shown(value: unknown): string {
  if (value === null || value === undefined || value === "") return text.settings.empty;
  if (typeof value === "string") return value;
  if (Array.isArray(value)) {
    if (value.length === 0) return text.settings.empty;
    if (value.every((item) => typeof item !== "object")) return value.join(", ");
    return JSON.stringify(value, null, 2);
  }
  return typeof value === "object" ? JSON.stringify(value, null, 2) : String(value);
}

export interface Wanted {
  words: string;
  isChangedOnly: boolean;
}

/** The settings in which all words occur: in the key, the value or the meaning. */
export function find(settings: Setting[], { words, isChangedOnly }: Wanted): Setting[] {
  const parts = words.toLowerCase().split(/\s+/).filter(Boolean);
  return settings.filter((setting) => {
    if (isChangedOnly && setting.origin === "default") return false;
    const value = setting.is_secret ? "" : shown(setting.value);
    const all = `${setting.key} ${value} ${setting.doc} ${setting.source ?? ""}`.toLowerCase();
    return parts.every((part) => all.includes(part));
  });
}

/** The settings by section, in their order. A key without a section is of the top level, "". */
export function bySection(settings: Setting[]): [string, Setting[]][] {
  const sections = new Map<string, Setting[]>();
  for (const setting of settings) {
    const section = setting.key.includes(".") ? (setting.key.split(".")[0] ?? "") : "";
    sections.set(section, [...(sections.get(section) ?? []), setting]);
  }
  return [...sections];
}
