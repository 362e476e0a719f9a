// Accessibility of a view, by axe.

import { AxeBuilder } from "@axe-core/playwright";

const SHOWN_NODES = 3;

// Adds each serious or critical finding on `page` to `errors`, under the name of the view. Transitions are ended
// first, also those that are about to begin: a colour that is half way has a contrast of its own.
export async function expectAccessible(page, errors, name) {
  await page.waitForFunction(() => {
    const hasEnd = ({ effect }) => Number.isFinite(effect?.getComputedTiming().endTime);
    const ending = document.getAnimations().filter(hasEnd);
    for (const animation of ending) animation.finish();
    const isMoving = document.querySelector("[data-starting-style], [data-ending-style]");
    return ending.length === 0 && !isMoving;
  });
  const { violations } = await new AxeBuilder({ page }).analyze();
  for (const { id, impact, help, nodes } of violations) {
    if (impact !== "serious" && impact !== "critical") continue;
    const places = nodes.slice(0, SHOWN_NODES).map((node) => node.target.flat().join(" "));
    errors.push(`axe, ${name}: ${id} (${impact}): ${help}: ${places.join("; ")}`);
  }
}
