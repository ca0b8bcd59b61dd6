/** The hands of a person in Node-RED's editor. */
import type { Locator, Page } from 'playwright-core';

export interface EditorNode {
  id: string;
  type: string;
  valid: boolean;
  changed: boolean;
}

export type Editor = ReturnType<typeof driveEditor>;

const readyMs = 30_000;

export function driveEditor(page: Page, url: string) {
  /** The dialog on top. */
  const tray = (): Locator => page.locator('.red-ui-tray').last();

  async function open(): Promise<void> {
    await page.goto(url);
    await page.locator('.red-ui-palette-node[data-palette-type="create-clip"]').waitFor({ timeout: readyMs });
    await page.locator('#red-ui-loading-progress').waitFor({ state: 'hidden', timeout: readyMs });
  }

  /** Drags a node from the palette to a place on the canvas. */
  async function drag(type: string, x: number, y: number): Promise<string> {
    const before = new Set((await nodes()).map(({ id }) => id));
    const source = page.locator(`.red-ui-palette-node[data-palette-type="${type}"]`);
    await source.scrollIntoViewIfNeeded();
    const from = await boxOf(source);
    const chart = await boxOf(page.locator('#red-ui-workspace-chart'));
    await page.mouse.move(from.x + from.width / 2, from.y + from.height / 2);
    await page.mouse.down();
    await page.mouse.move(chart.x + x + 40, chart.y + y + 40, { steps: 4 });
    await page.mouse.move(chart.x + x, chart.y + y, { steps: 4 });
    await page.mouse.up();
    const added = (await nodes()).find(({ id }) => !before.has(id));
    if (!added) throw new Error(`Dragging ${type} made no node`);
    return added.id;
  }

  /** Wires an output, counted from 0, to the input of another node. */
  async function wire(from: string, output: number, to: string): Promise<void> {
    const start = await boxOf(page.locator(`[id="${from}"] .red-ui-flow-port-output`).nth(output));
    const end = await boxOf(page.locator(`[id="${to}"] .red-ui-flow-port-input`));
    await page.mouse.move(start.x + start.width / 2, start.y + start.height / 2);
    await page.mouse.down();
    await page.mouse.move(end.x + end.width / 2, end.y + end.height / 2, { steps: 5 });
    await page.mouse.up();
  }

  async function nodes(): Promise<EditorNode[]> {
    return page.evaluate<EditorNode[]>(`(() => {
      const found = [];
      const add = ({ id, type, valid, changed }) => {
        found.push({ id, type, valid: valid !== false, changed: changed === true });
        return true;
      };
      RED.nodes.eachNode(add);
      RED.nodes.eachConfig(add);
      return found;
    })()`);
  }

  /** What the node would be saved as. */
  async function saved(id: string): Promise<Record<string, unknown>> {
    const all = await flow();
    return all.find((node) => node['id'] === id) ?? {};
  }

  async function flow(): Promise<Record<string, unknown>[]> {
    return page.evaluate<Record<string, unknown>[]>('RED.nodes.createCompleteNodeSet()');
  }

  /** Opens the dialog of a node on the canvas. */
  async function openNode(id: string): Promise<void> {
    const box = await boxOf(page.locator(`[id="${id}"] .red-ui-flow-node`).first());
    // On a busy machine the two clicks may come too far apart: then a person clicks again.
    for (let attempts = 3; attempts > 0; attempts -= 1) {
      await page.mouse.dblclick(box.x + box.width / 2, box.y + box.height / 2);
      const form = page.locator('#dialog-form').waitFor({ timeout: attempts > 1 ? 3_000 : readyMs });
      if (await form.then(() => true).catch(() => false)) return onSettled();
    }
    throw new Error(`No dialog opened for ${id}`);
  }

  /** Trays slide in and out: until the one on top, if there is one, has arrived. */
  async function onSettled(): Promise<void> {
    await page.waitForFunction(`[...document.querySelectorAll('.red-ui-tray')].every(
      (tray) => tray.style.right === '0px' && getComputedStyle(tray).right === '0px',
    )`);
  }

  const done = (): Promise<void> => leave('#node-dialog-ok, #node-config-dialog-ok');
  const cancel = (): Promise<void> => leave('#node-dialog-cancel, #node-config-dialog-cancel');

  /** Leaves all dialogs, however many there are. */
  async function cancelAll(): Promise<void> {
    while ((await tray().count()) > 0) await cancel();
  }

  async function leave(button: string): Promise<void> {
    const left = await tray().elementHandle();
    await tray().locator(button).click();
    await left?.waitForElementState('hidden');
    await onSettled();
  }

  /** Opens the dialog of the chosen connection, or of a new one. */
  async function openConnection(which: 'edit' | 'add'): Promise<void> {
    await page.locator(`#node-input-btn-connection-${which}`).click();
    await page.locator('#node-config-input-provider').waitFor();
    await onSettled();
  }

  async function deploy(): Promise<void> {
    await page.locator('#red-ui-header-button-deploy').click();
    await page.waitForFunction('!RED.nodes.dirty()');
  }

  const isDirty = (): Promise<boolean> => page.evaluate<boolean>('RED.nodes.dirty()');

  /** Presses the button beside an inject node. */
  const press = (id: string): Promise<void> => page.locator(`[id="${id}"] .red-ui-flow-node-button-button`).click();

  /** The text below a node. */
  const status = (id: string): Locator => page.locator(`[id="${id}"] .red-ui-flow-node-status-label`);

  return {
    page,
    tray,
    open,
    drag,
    wire,
    nodes,
    saved,
    flow,
    openNode,
    openConnection,
    onSettled,
    done,
    cancel,
    cancelAll,
    deploy,
    isDirty,
    press,
    status,
  };
}

async function boxOf(locator: Locator): Promise<{ x: number; y: number; width: number; height: number }> {
  const box = await locator.boundingBox();
  if (!box) throw new Error(`Not to be seen: ${String(locator)}`);
  return box;
}
