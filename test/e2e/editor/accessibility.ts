import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';

interface Findings {
  violations: { id: string; impact: string | null; help: string; nodes: { html: string }[] }[];
}

const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const controls = 'input, select, textarea, button, summary, video, a[href], [tabindex="0"]';
/** More than any dialog has. */
const mostControls = 80;

/** Nothing serious in what is ours; what Node-RED draws around it is Node-RED's. */
export async function assertAccessible(page: Page, selector: string): Promise<void> {
  await page.evaluate(axe);
  const { violations } = await page.evaluate<Findings>(
    `axe.run(${JSON.stringify({ include: [[selector]], exclude: [['.red-ui-typedInput-container']] })})`,
  );
  const serious = violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, help, nodes }) => `${id}: ${help}\n${nodes.map(({ html }) => `  ${html}`).join('\n')}`);
  assert.deepEqual(serious, []);
}

/** Whoever uses the Tab key alone gets to everything that can be seen. */
export async function assertReachableByTab(page: Page, selector: string): Promise<void> {
  await page.evaluate(`(() => {
    const within = document.querySelector(${JSON.stringify(selector)});
    const isOffered = (each) => each.checkVisibility({ visibilityProperty: true }) && !each.disabled;
    globalThis.unreached = new Set([...within.querySelectorAll(${JSON.stringify(controls)})].filter(isOffered));
    [...globalThis.unreached][0]?.focus();
  })()`);
  const unreached = (): Promise<string[]> =>
    page.evaluate<string[]>(`(() => {
      globalThis.unreached.delete(document.activeElement);
      return [...globalThis.unreached].filter((each) => each.isConnected).map((each) => each.outerHTML.slice(0, 200));
    })()`);
  let left = await unreached();
  for (let pressed = 0; left.length > 0 && pressed < mostControls; pressed += 1) {
    await page.keyboard.press('Tab');
    left = await unreached();
  }
  assert.deepEqual(left, []);
}
