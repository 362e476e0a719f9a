import { useEffect, useRef, useState } from "react";
import { text } from "../text";
import type { Item, StageName } from "./item";

const WORDS: Partial<Record<StageName, (name: string) => string>> = {
  done: text.upload.heardDone,
  failed: text.upload.heardFailed,
  "needs-file": text.upload.heardNeeds,
  duplicate: text.upload.heardTwin,
};

/** What screen readers should say: the end of an upload, and each that waits for the user. */
export function useNews(items: readonly Item[]): string {
  const stages = useRef(new Map<string, StageName>());
  const [news, setNews] = useState("");
  useEffect(() => {
    const heard: string[] = [];
    for (const { key, stage, name } of items) {
      const words = WORDS[stage];
      if (words && stages.current.get(key) !== stage) heard.push(words(name));
    }
    stages.current = new Map(items.map(({ key, stage }) => [key, stage]));
    if (heard.length > 0) setNews(heard.slice(0, 3).join(" "));
  }, [items]);
  return news;
}
