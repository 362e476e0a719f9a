// Progress in the title and the icon of the tab.

import { PREFIX } from "../ui/usePageTitle";

let shown: number | null = null;
let icon: string | null = null;

/** Shows a share, 0 to 1. `null` puts title and icon back. */
export function showInTitle(share: number | null): void {
  const percent = share === null ? null : Math.floor(Math.min(1, Math.max(0, share)) * 100);
  const title = document.title.replace(PREFIX, "");
  // Views change the title, too.
  const wanted = percent === null ? title : `${percent} % · ${title}`;
  if (document.title !== wanted) document.title = wanted;
  if (percent === shown) return;
  shown = percent;
  const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
  if (!link) return;
  icon ??= link.getAttribute("href") ?? "";
  link.setAttribute("href", percent === null ? icon : ring(percent));
}

/** A ring that fills, as the URL of an SVG. */
function ring(percent: number): string {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><g fill="none" stroke-width="6" transform="rotate(-90 16 16)"><circle cx="16" cy="16" r="12" stroke="#8885"/><circle cx="16" cy="16" r="12" stroke="#6d66f0" pathLength="100" stroke-dasharray="${percent} 100"/></g></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}
