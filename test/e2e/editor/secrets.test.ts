/** Secrets stay with their vendor, and with their Node-RED: in a real browser, also with pages of other sites. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { startVdgSense, type VdgSense } from '../../simulators/vdg-sense';
import { describeWithChromium } from './browser';
import { driveForm, type Form } from './form';
import { startEditor, type EditorRig } from './rig';

describeWithChromium('secrets', function () {
  this.timeout(120_000);
  const login = { username: 'nodered', password: 's3cret-of-sense' };
  let sim: VdgSense;
  let rig: EditorRig;
  let form: Form;

  before(async () => {
    sim = await startVdgSense({ users: [login] });
    const flow = [
      { id: 'tab', type: 'tab', label: 'Secrets' },
      { id: 'sense', type: 'clip-provider', provider: 'vdg-sense', settings: { url: sim.url } },
      { id: 'create', type: 'create-clip', connection: 'sense', z: 'tab', x: 340, y: 60, wires: [] },
    ];
    rig = await startEditor({ nodeRed: '5' }, { flow, credentials: { sense: login } });
    form = driveForm(rig.editor);
  });
  after(async () => {
    await rig?.close();
    await sim?.close();
  });
  afterEach(() => rig.editor.cancelAll());

  const slots = (): Promise<string[]> =>
    Promise.all(
      ['username', 'password', 'token'].map((slot) => rig.page.locator(`#node-config-input-${slot}`).inputValue()),
    );
  const choose = (label: string): Promise<unknown> => form.control('Provider').selectOption({ label });
  const stored = async (): Promise<string> => readFile(join(rig.runtime.userDir, 'flows_cred.json'), 'utf8');

  it('of one vendor are not those of another one, and come back with the first', async () => {
    await rig.editor.openNode('create');
    await rig.editor.openConnection('edit');
    assert.deepEqual(await slots(), ['nodered', '__PWRD__', '']);
    await choose('Amazon Kinesis Video Streams');
    assert.deepEqual(await slots(), ['', '', '']);
    await form.control('Access key ID').fill('AKIA-of-aws');
    await choose('Rhombus');
    assert.deepEqual(await slots(), ['', '', '']);
    await choose('VDG Sense');
    assert.deepEqual(await slots(), ['nodered', '__PWRD__', '']);
    await choose('Amazon Kinesis Video Streams');
    assert.deepEqual(await slots(), ['AKIA-of-aws', '', '']);
  });

  it('of the vendor before are gone once the connection is deployed for another one', async () => {
    assert.match(await stored(), /s3cret-of-sense/);
    await rig.editor.openNode('create');
    await rig.editor.openConnection('edit');
    await choose('Rhombus');
    await form.control('API key').fill('key-of-rhombus');
    await rig.editor.done();
    await rig.editor.done();
    await rig.editor.deploy();
    const now = await stored();
    assert.match(now, /key-of-rhombus/);
    assert.doesNotMatch(now, /s3cret-of-sense|"nodered"/);
  });

  describe('and a page of another site', () => {
    let site: Server;
    let page = '';
    before(async () => {
      site = createServer((_request, response) => response.setHeader('content-type', 'text/html').end(page));
      site.listen(0, '127.0.0.1');
      await once(site, 'listening');
    });
    after(() => void site.close());

    const path = ['check', 'cameras'];
    const draft = (): object => ({
      id: 'x',
      provider: 'vdg-sense',
      settings: { url: sim.url },
      credentials: { username: '${PATH}', password: '${PATH}' },
    });
    const ways: Record<string, (address: string) => string> = {
      'a form': (address) => `<form method="post" action="${address}">
        <input name="id" value="x"><input name="provider" value="vdg-sense"><input name="settings[url]" value="${sim.url}">
        <input name="credentials[username]" value="\${PATH}"><input name="credentials[password]" value="\${PATH}"></form>
        <script>document.forms[0].submit()</script>`,
      'a form of plain text': (address) => `<form method="post" enctype="text/plain" action="${address}"></form>
        <script>
          const input = document.createElement('input');
          input.name = ${JSON.stringify(JSON.stringify(draft()).replace(/\}$/, ',"z":"'))};
          input.value = '"}';
          document.forms[0].append(input);
          document.forms[0].submit();
        </script>`,
      'a request of plain text': (address) => `<script>
        fetch('${address}', { method: 'POST', mode: 'no-cors', body: ${JSON.stringify(JSON.stringify(draft()))} });
        </script>`,
      'a request that says it is JSON': (address) => `<script>
        fetch('${address}', { method: 'POST', headers: { 'content-type': 'application/json' },
          body: ${JSON.stringify(JSON.stringify(draft()))} }).catch(() => undefined);
        </script>`,
    };
    for (const [way, html] of Object.entries(ways)) {
      for (const route of path) {
        it(`has nothing sent by ${way} to ${route}`, async () => {
          const before = sim.requests.length;
          const address = `${rig.runtime.url}/video-clips/${route}`;
          page = html(address);
          const context = await rig.browser.newContext();
          try {
            const visitor = await context.newPage();
            const asked = visitor.waitForRequest((request) => request.url() === address);
            await visitor.goto(`http://127.0.0.1:${(site.address() as AddressInfo).port}/`, { waitUntil: 'commit' });
            const request = await asked;
            const response = await request.response().catch(() => null);
            if (response) assert.ok(response.status() >= 400, String(response.status()));
            else assert.ok(request.failure());
          } finally {
            await context.close();
          }
          assert.equal(sim.requests.length, before);
        });
      }
    }
  });
});
