// Watches the demo as somebody does who has nothing but what it prints.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Browser } from 'playwright-core';
import { eventually } from '../../support/eventually';
import { packageRoot } from '../../support/package';
import { describeWithChromium, openPage, startBrowser } from './browser';
import { driveEditor } from './editor';
import { driveSidebar } from './sidebar';

describeWithChromium('the demo', function () {
  this.timeout(180_000);
  let demo: ChildProcess;
  let browser: Browser | undefined;
  let printed = '';

  before(() => {
    const program = ['--require', 'tsx/cjs', 'test/demo/index.ts'];
    demo = spawn(process.execPath, program, { cwd: packageRoot, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [demo.stdout!, demo.stderr!]) stream.on('data', (text: Buffer) => (printed += String(text)));
  });
  after(async () => {
    await browser?.close();
    if (demo.exitCode !== null) return;
    demo.kill('SIGINT');
    await once(demo, 'exit');
  });

  it('prints where to watch, what came, and what proves that it is the video', async () => {
    await eventually(() => assert.match(printed, /^Watch it: .*Press the triangle/m), 120_000);
    assert.match(printed, /^Watch it: http:\/\/127\.0\.0\.1:\d+\/#flow\/\S+, film icon at the lower right$/m);
    assert.match(printed, /^SHA-256 +[0-9a-f]{64}$/m);
    assert.match(printed, /^Proof +\S/m);
  });

  it('shows the video at the address that it has printed, by the icon and the triangle that it names', async () => {
    const address = /^Watch it: ([^\s,]+)/m.exec(printed)?.[1] ?? '';
    browser = await startBrowser();
    const { page } = await openPage(browser);
    await driveEditor(page, address).open();
    assert.ok(await page.locator('.red-ui-tab.active').isVisible());
    const sidebar = driveSidebar(page);
    const icon = page.locator('button[data-tab-id="video-clips"]');
    const [{ x, y }, { width, height }] = [(await icon.boundingBox())!, page.viewportSize()!];
    assert.ok(x > width / 2 && y > height / 2, `the icon is at ${x}, ${y}`);
    await sidebar.open();
    await sidebar.press('Play');
    await eventually(async () => assert.ok((await sidebar.playing()).currentTime > 0));
  });
});
