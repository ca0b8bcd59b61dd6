import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';

interface Findings {
  violations: { id: string; impact: string | null; help: string; nodes: { html: string }[] }[];
}

const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

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
