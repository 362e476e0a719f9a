import { useSyncExternalStore } from "react";

const query = () => matchMedia("(prefers-color-scheme: dark)");

function subscribe(onChange: () => void): () => void {
  const system = query();
  const page = new MutationObserver(onChange);
  system.addEventListener("change", onChange);
  page.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  return () => {
    system.removeEventListener("change", onChange);
    page.disconnect();
  };
}

const read = () => document.documentElement.dataset.theme ?? (query().matches ? "dark" : "light");

/** The colour scheme that is shown: `light` or `dark`. */
export const useScheme = () => useSyncExternalStore(subscribe, read);
