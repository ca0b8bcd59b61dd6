// Makes the pictures of the documentation: the editor, the sidebar with a playing clip, and the form of each video system.
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Locator, Page } from 'playwright-core';
import { providers } from '../../lib/providers';
import { putFirst } from '../demo/start-tab';
import { driveForm } from '../e2e/editor/form';
import { startEditor, type EditorRig } from '../e2e/editor/rig';
import { driveSidebar } from '../e2e/editor/sidebar';
import { startVdgSense } from '../simulators/vdg-sense';
import { eventually } from '../support/eventually';
import { connectTo, demoCameras, findNode, nodesOf, readExample } from '../support/examples';
import { packageRoot } from '../support/package';

const folder = join(packageRoot, 'docs', 'images');
const login = { username: 'nodered', password: 's3cret' };
const example = '01 - Event to MP4.json';
const longestMs = 60_000;
/** Pixels below what is shown. */
const margin = 16;

/** What is typed into the forms, so that they look as they do in use. */
const typed: Record<string, Record<string, string>> = {
  'vdg-sense': { Address: 'https://sense.example', User: 'nodered', Password: 'secret' },
  rhombus: { 'API key': 'secret-secret-secret' },
  'kinesis-video': {
    'AWS Region': 'eu-west-1',
    'Access key ID': 'AKIAIOSFODNN7EXAMPLE',
    'Secret access key': 'secret',
  },
  aipix: { Address: 'https://vms.example', Login: 'nodered', Password: 'secret' },
  zoneminder: { Address: 'https://zm.example/zm', User: 'nodered', Password: 'secret' },
  frigate: { Address: 'https://nvr.example:8971', 'User name': 'nodered', Password: 'secret' },
};

/** The page down to the lower end of an element, from the left and upper end of another one. */
async function take(page: Page, name: string, from: Locator, downTo: Locator): Promise<void> {
  const raw = join(folder, `${name}.raw.png`);
  const [whole, last] = [await from.boundingBox(), await downTo.boundingBox()];
  if (!whole || !last) throw new Error(`${name} cannot be seen`);
  // Away from whatever explains itself to a mouse.
  await page.mouse.move(2, 2);
  await sleep(500);
  await page.screenshot({ path: raw, clip: { ...whole, height: last.y + last.height + margin - whole.y } });
  // 64 colours are enough for an editor, and a fifth of the bytes.
  const filter = 'split[a][b];[a]palettegen=max_colors=64[p];[b][p]paletteuse=dither=none';
  execFileSync('ffmpeg', ['-loglevel', 'error', '-y', '-i', raw, '-vf', filter, join(folder, `${name}.png`)]);
  rmSync(raw);
  console.log(`docs/images/${name}.png`);
}

async function takeForms(rig: EditorRig, node: string): Promise<void> {
  const form = driveForm(rig.editor);
  for (const { id, label } of providers) {
    await rig.editor.openNode(node);
    await rig.editor.openConnection('add');
    await form.control('Provider').selectOption({ label });
    for (const [field, value] of Object.entries(typed[id] ?? {})) await form.control(field).fill(value);
    await take(rig.page, id, rig.editor.tray(), form.button('Test connection'));
    await rig.editor.cancelAll();
  }
}

async function main(): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const sim = await startVdgSense({ users: [login], devices: demoCameras(), queue: { makeMs: 1_000 } });
  const { flow, credentials } = connectTo(putFirst(await readExample(example), 'Event to MP4'), sim.url, login);
  const rig = await startEditor({ nodeRed: '5' }, { flow, credentials });
  try {
    const nodes = nodesOf(flow, 'Start here');
    const sidebar = driveSidebar(rig.page);
    await sidebar.open();
    await rig.editor.press(findNode(nodes, 'inject').id);
    await eventually(async () => void (await sidebar.row().getByRole('button', { name: 'Play' }).click()), longestMs);
    await eventually(async () => {
      if ((await sidebar.playing()).currentTime < 1) throw new Error('It does not play yet');
    }, longestMs);
    // The note on what was deployed goes by itself.
    await sleep(5_000);
    await take(rig.page, 'event-to-clip', rig.page.locator('body'), rig.page.locator('.red-ui-flow-node-group').last());
    await rig.editor.openNode(findNode(nodes, 'create-clip').id);
    await take(rig.page, 'create-clip', rig.editor.tray(), driveForm(rig.editor).control('Title'));
    await rig.editor.cancelAll();
    await takeForms(rig, findNode(nodes, 'create-clip').id);
  } finally {
    await rig.close();
    await sim.close();
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
