// Shows for a moment, in the middle of the player, what a key did.

import type { Player } from "./videojs";

const SHOWN_MS = 900;

export interface Bezel {
  show(message: string): void;
}

export function addBezel(player: Player): Bezel {
  const element = document.createElement("div");
  element.className = "ladderd-bezel";
  // Read out as well.
  element.setAttribute("role", "status");
  player.el().append(element);
  let timer: ReturnType<typeof setTimeout>;
  player.on("dispose", () => clearTimeout(timer));
  return {
    show(message) {
      element.textContent = message;
      element.classList.add("is-shown");
      clearTimeout(timer);
      timer = setTimeout(() => element.classList.remove("is-shown"), SHOWN_MS);
    },
  };
}
