// The list of keys, over the player.

import { watch as text } from "../../text/watch";
import type { Player } from "./videojs";

export function showHelp(player: Player): void {
  if (player.el().querySelector(".ladderd-help")) return;
  const list = document.createElement("dl");
  for (const [keys, meaning] of text.keys) {
    const row = document.createElement("div");
    const term = document.createElement("dt");
    for (const key of keys) {
      const cap = document.createElement("kbd");
      cap.textContent = key;
      term.append(cap);
    }
    const description = document.createElement("dd");
    description.textContent = meaning;
    row.append(term, description);
    list.append(row);
  }
  const title = document.createElement("h2");
  title.textContent = text.keysTitle;
  const content = document.createElement("div");
  content.append(title, list);
  const modal = player.createModal(content, {
    label: text.keysTitle,
    temporary: true,
    pauseOnOpen: false,
  });
  modal.addClass("ladderd-help");
  modal.el().setAttribute("data-testid", "keys");
  // Escape closes it where the focus is, and so does the same key.
  (modal.el() as HTMLElement).focus();
  modal.on("keydown", (event: KeyboardEvent) => {
    if (event.key === "?") modal.close();
  });
}
