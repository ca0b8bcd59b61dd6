/** The sidebar with running and recent work, as people use it. */
import type { Locator, Page } from 'playwright-core';

export type Sidebar = ReturnType<typeof driveSidebar>;

/** As the video element has it; times in seconds. */
interface Playing {
  readyState: number;
  duration: number;
  currentTime: number;
}

export function driveSidebar(page: Page) {
  const box = page.getByRole('searchbox', { name: 'Search', exact: true });
  const rows = page.locator('.video-clips-sidebar .video-clips-row');

  async function open(): Promise<void> {
    // The editor remembers what was open.
    if (await box.isVisible()) return;
    const button = page.locator('button[data-tab-id="video-clips"]');
    // Where there is no room for its button, it is opened from a menu.
    if (await button.isVisible()) await button.click();
    else await page.evaluate("RED.sidebar.show('video-clips')");
    await box.waitFor();
  }

  /** 0: the newest. */
  const row = (index = 0): Locator => rows.and(page.locator(`[aria-posinset="${index + 1}"]`));

  const press = (name: string, index = 0): Promise<void> => row(index).getByRole('button', { name }).click();
  const choose = (label: string): Promise<unknown> => page.getByLabel('Show', { exact: true }).selectOption({ label });
  const search = (words: string): Promise<void> => box.fill(words);

  const video = "document.querySelector('#video-clips-player video')";
  const playing = (): Promise<Playing> =>
    page.evaluate<Playing>(
      `(({ readyState, duration, currentTime }) => ({ readyState, duration, currentTime }))(${video})`,
    );
  const seek = (seconds: number): Promise<unknown> => page.evaluate(`${video}.currentTime = ${seconds}`);

  /**
   * The words of a row that can be seen as they are: within the row, and within all that cuts off what is around them.
   * No tooltip, nothing beyond an ellipsis.
   */
  const visibleText = (id: string): Promise<string> =>
    page.evaluate<string>(`(() => {
      const row = [...document.querySelectorAll('.video-clips-sidebar .video-clips-row')]
        .find((each) => $(each).data('id') === ${JSON.stringify(id)});
      if (!row) return '';
      const frames = (element) => {
        const found = [];
        for (let each = element; each && each !== document.body; each = each.parentElement) {
          if (getComputedStyle(each).overflow !== 'visible') found.push(each.getBoundingClientRect());
        }
        return found;
      };
      const words = [];
      const texts = document.createTreeWalker(row, NodeFilter.SHOW_TEXT);
      while (texts.nextNode()) {
        const node = texts.currentNode;
        const around = frames(node.parentElement);
        for (const { index, 0: word } of node.data.matchAll(/\\S+/g)) {
          const range = document.createRange();
          range.setStart(node, index);
          range.setEnd(node, index + word.length);
          const isSeen = [...range.getClientRects()].every((rect) => around.every((frame) =>
            rect.left >= frame.left - 1 && rect.right <= frame.right + 1 &&
            rect.top >= frame.top - 1 && rect.bottom <= frame.bottom + 1));
          if (isSeen && range.getClientRects().length > 0) words.push(word);
        }
      }
      return words.join(' ');
    })()`);

  return { rows, open, row, press, choose, search, playing, seek, visibleText };
}
