/** Each provider's connection, filled in by the labels of its form and tested against a simulated server. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { startAipix } from '../../simulators/aipix';
import { exampleKey, footage, startKinesisVideo, stream } from '../../simulators/kinesis-video';
import { exampleKeys, startRhombus } from '../../simulators/rhombus';
import { startSample } from '../../simulators/sample';
import { exampleUser, startZoneMinder } from '../../simulators/zoneminder';
import { startVdgSense } from '../../simulators/vdg-sense';
import { eventually } from '../../support/eventually';
import { packageRoot } from '../../support/package';
import { assertAccessible, assertReachableByTab } from './accessibility';
import { describeWithChromium } from './browser';
import { driveForm, type Form } from './form';
import { startEditor, type EditorRig } from './rig';

interface Case {
  provider: string;
  /** `fields`, by label: what is typed, or the choice that is taken. The last one is the secret. */
  start(): Promise<{ fields: Record<string, string>; close(): Promise<void> }>;
  found: RegExp;
  /** One of its cameras. */
  camera: { name: string; id: RegExp };
}

const cases: Case[] = [
  {
    provider: 'VDG Sense',
    async start() {
      const { url, close } = await startVdgSense({ skewMs: 3_600_000 });
      return { fields: { Address: url, User: 'nodered', Password: 's3cret' }, close };
    },
    found: /VDG Sense 2\.7\.3.*Cameras: 3.*Its clock is ahead by 60 minutes.*travels over http/,
    camera: { name: 'Dock 1', id: /^6917529027641081901\/2$/ },
  },
  {
    provider: 'Rhombus',
    async start() {
      const { apiUrl, mediaUrl, close } = await startRhombus();
      const addresses = { Region: 'other addresses', 'API address': apiUrl, 'Media address': mediaUrl };
      return { fields: { ...addresses, 'API key': exampleKeys.key }, close };
    },
    found: /Rhombus.*Cameras: 6/,
    camera: { name: 'Dock 3', id: /\.v0$/ },
  },
  {
    provider: 'Amazon Kinesis Video Streams',
    async start() {
      const fragments = footage(Date.now() - 60_000, Date.now());
      const { url, close } = await startKinesisVideo({ streams: [stream('dock', { fragments })] });
      const place = { 'AWS Region': 'eu-west-1', 'Endpoint URL': url };
      const { accessKeyId, secretAccessKey } = exampleKey;
      return { fields: { ...place, 'Access key ID': accessKeyId, 'Secret access key': secretAccessKey }, close };
    },
    found: /Kinesis.*Cameras: 1/,
    camera: { name: 'dock', id: /^dock$/ },
  },
  {
    provider: 'Aipix',
    async start() {
      const { url, close } = await startAipix();
      return { fields: { Address: url, Login: 'nodered', Password: 's3cret-passw0rd' }, close };
    },
    found: /Aipix.*Cameras: \d/,
    camera: { name: 'Yard', id: /^2$/ },
  },
  {
    provider: 'ZoneMinder',
    async start() {
      const { url, close } = await startZoneMinder();
      return { fields: { Address: url, User: exampleUser.name, Password: exampleUser.password }, close };
    },
    found: /ZoneMinder, Etc\/UTC.*Cameras: 2/,
    camera: { name: 'Dock', id: /^2$/ },
  },
  {
    provider: 'Sample Video',
    async start() {
      const { url, key, close } = await startSample();
      return { fields: { Address: url, 'API key': key }, close };
    },
    found: /Sample Video.*Cameras: 2/,
    camera: { name: 'Dock', id: /^cam-1$/ },
  },
];

describeWithChromium('connections', function () {
  this.timeout(120_000);
  const flow = [
    { id: 'tab', type: 'tab', label: 'Connections' },
    { id: 'create', type: 'create-clip', z: 'tab', x: 340, y: 60, wires: [] },
  ];
  let rig: EditorRig;
  let form: Form;

  before(async () => {
    const plugins = [join(packageRoot, 'test/sample-provider')];
    rig = await startEditor({ nodeRed: '5' }, { flow, plugins });
    form = driveForm(rig.editor);
  });
  after(() => rig?.close());
  afterEach(() => rig.editor.cancelAll());

  async function test(words: RegExp): Promise<void> {
    const result = rig.page.locator('#node-config-input-test-result');
    await form.button('Test connection').click();
    await eventually(async () => assert.match((await result.textContent()) ?? '', words), 20_000);
  }

  for (const { provider, start, found, camera } of cases) {
    it(`of ${provider} are set up by their labels, tested, and asked for their cameras`, async () => {
      const { editor, page } = rig;
      const { fields, close } = await start();
      try {
        await editor.openNode('create');
        await editor.openConnection('add');
        await form.control('Provider').selectOption({ label: provider });
        await editor.tray().getByText('Advanced', { exact: true }).click();
        const secret = Object.keys(fields).at(-1)!;
        for (const [label, value] of Object.entries({ ...fields, [secret]: 'wrong' })) {
          const control = form.control(label);
          if ((await control.getAttribute('type')) === null) await control.selectOption({ label: value });
          else await control.fill(value);
        }
        await test(/The login was refused/);
        await form.control(secret).fill(fields[secret]!);
        await test(found);
        await rig.screenshot(`tested ${provider}`);
        await assertAccessible(page, '.red-ui-tray:last-child .video-clips');
        await assertReachableByTab(page, '.red-ui-tray:last-child .video-clips');
        await editor.done();
        await form.chooseType('Camera', 'camera');
        await form.control('Camera').fill(camera.name.toLowerCase());
        await page.getByRole('option', { name: camera.name }).first().waitFor();
        await form.control('Camera').press('Enter');
        assert.match(await form.control('Camera').inputValue(), camera.id);
      } finally {
        await close();
      }
    });
  }

  it('never made the page complain', () => {
    assert.deepEqual(rig.errors, []);
  });
});
