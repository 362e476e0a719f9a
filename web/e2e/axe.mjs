// Accessibility of a view, by axe.

import { AxeBuilder } from "@axe-core/playwright";

const SHOWN_NODES = 3;

// Adds each serious or critical finding on `page` to `errors`, under the name of the view. Transitions are ended
// first: a colour that is half way has a contrast of its own.
export async function expectAccessible(page, errors, name) {
  await page.evaluate(() => {
    for (const animation of document.getAnimations()) {
      if (Number.isFinite(animation.effect?.getComputedTiming().endTime)) animation.finish();
    }
  });
  const { violations } = await new AxeBuilder({ page }).analyze();
  for (const { id, impact, help, nodes } of violations) {
    if (impact !== "serious" && impact !== "critical") continue;
    const places = nodes.slice(0, SHOWN_NODES).map((node) => node.target.flat().join(" "));
    errors.push(`axe, ${name}: ${id} (${impact}): ${help}: ${places.join("; ")}`);
  }
}
