/** The controls of the dialog on top, found as people find them: by their labels. */
import type { Locator } from 'playwright-core';
import type { Editor } from './editor';

export type Form = ReturnType<typeof driveForm>;

export function driveForm({ page, tray }: Editor) {
  /** Where a value does not hold, the editor's name for its control is the label and what is wrong. */
  const labelled = (label: string, kinds: string): Locator =>
    tray()
      .getByLabel(new RegExp(`^\\s*${label}\\s*((: | is ).*)?$`))
      .and(page.locator(kinds))
      .filter({ visible: true });

  /** What is typed into, chosen from, or checked. */
  const control = (label: string): Locator => labelled(label, 'input, select');

  /** Chooses where the value of a typed input comes from, by the keyboard alone. */
  async function chooseType(label: string, type: string): Promise<void> {
    await labelled(label, 'button.red-ui-typedInput-type-select').press('Enter');
    // The open menu focuses the present type a moment later: a key pressed just then would choose that.
    await page.locator('.red-ui-typedInput-options:visible a:focus').waitFor();
    const choice = page
      .locator('.red-ui-typedInput-options:visible a')
      .filter({ hasText: new RegExp(`^\\s*${type}$`) });
    await choice.press('Enter');
  }

  async function fillTyped(label: string, type: string, value: string): Promise<void> {
    await chooseType(label, type);
    await control(label).fill(value);
  }

  const button = (name: string): Locator => tray().getByRole('button', { name });

  return { control, chooseType, fillTyped, button };
}
