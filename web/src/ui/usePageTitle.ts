import { useEffect } from "react";
import { text } from "../text";

/** Progress of the uploads before the name of the view. */
export const PREFIX = /^\d+ % · /;

/** Names the view in the title of the tab. The progress of uploads, which may stand before it, stays. */
export function usePageTitle(name: string | null): void {
  useEffect(() => {
    const show = (title: string) => {
      const progress = PREFIX.exec(document.title)?.[0] ?? "";
      document.title = `${progress}${title}`;
    };
    show(name ? `${name} – ${text.common.product}` : text.common.product);
    return () => show(text.common.product);
  }, [name]);
}
