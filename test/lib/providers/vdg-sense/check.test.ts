import assert from 'node:assert/strict';
import { closeAll, commands, connectTo, fails, never, startSense } from './support';

const plainPassword = 'The password travels over http without encryption';

describe('VDG Sense: testing a connection', () => {
  afterEach(closeAll);

  it('tells the version, the number of cameras and how the clocks differ', async () => {
    const sim = await startSense();
    assert.deepEqual(await connectTo(sim).check(never), {
      name: 'VDG Sense',
      version: '2.7.3',
      cameras: 3,
      clockSkewMs: 0,
      warnings: [plainPassword],
    });
    assert.deepEqual(commands(sim).sort(), ['getClips', 'getDeviceList', 'getServerStatus', 'info', 'webservice']);
  });

  for (const skewMs of [90_000, -90_000]) {
    it(`sees a clock that is ${skewMs / 1000} s ahead`, async () => {
      const sim = await startSense({ skewMs, version: '2.7.4' });
      const { clockSkewMs, version } = await connectTo(sim).check(never);
      assert.deepEqual([clockSkewMs, version], [skewMs, '2.7.4']);
    });
  }

  for (const apiLicence of ['true', 'false'] as const) {
    it(`says what needs the licence where it is ${apiLicence}`, async () => {
      const { warnings } = await connectTo(await startSense({ apiLicence })).check(never);
      const said = warnings.filter((warning) =>
        /no licence for its API\. Exports .* and events need one/.test(warning),
      );
      assert.equal(said.length, apiLicence === 'false' ? 1 : 0);
    });
  }

  it('takes the lack of the command for the lack of the licence, and nothing else', async () => {
    const sim = await startSense({ withoutLicence: ['getServerStatus'] });
    assert.match((await connectTo(sim).check(never)).warnings.at(-1)!, /may have no licence/);
    sim.options.withoutLicence = [];
    for (const reply of [{ status: 500 }, { body: '<html>Welcome</html>' }, { body: '<result errorcode="-18"/>' }]) {
      sim.failNext({ kind: 'reply', reply }, 'getServerStatus');
      assert.deepEqual((await connectTo(sim).check(never)).warnings, [plainPassword]);
    }
  });

  const versions: [string, RegExp | undefined][] = [
    ['2.6.1', /^Version 2\.6\.1 is older than 2\.7\.2/],
    ['2.7.1', /older than 2\.7\.2/],
    ['2.7.1.99', /older than 2\.7\.2/],
    ['1.99.99', /older than 2\.7\.2/],
    ['2.7.2', undefined],
    ['2.7.10', undefined],
    ['2.10.0', undefined],
    ['3', undefined],
    ['2.8 beta', undefined],
  ];
  for (const [version, warning] of versions) {
    it(`${warning ? 'warns of' : 'is content with'} version ${version}`, async () => {
      const sim = await startSense();
      const body = `<apiinfo><utc>2025-03-01 12:00:00</utc><version>${version}</version></apiinfo>`;
      sim.failNext({ kind: 'reply', reply: { body } }, 'info');
      const { warnings } = await connectTo(sim).check(never);
      assert.deepEqual(warnings.length, warning ? 2 : 1);
      if (warning) assert.match(warnings[1]!, warning);
    });
  }

  it('warns of a server that does not tell its version', async () => {
    const sim = await startSense({ version: '2.6.0' });
    const check = await connectTo(sim).check(never);
    assert.deepEqual([check.version, check.clockSkewMs, check.cameras], [undefined, undefined, 3]);
    assert.match(check.warnings[1] ?? '', /does not tell its version.*2\.6\.1/);
  });

  it('does without the version where something else answers in its place', async () => {
    for (const body of ['<html>Welcome</html>', 'OK', '{"version":1}', '']) {
      const sim = await startSense();
      sim.failNext({ kind: 'reply', reply: { body } }, 'info');
      const { version, cameras } = await connectTo(sim).check(never);
      assert.deepEqual([version, cameras], [undefined, 3]);
    }
  });

  for (const status of [401, 403]) {
    it(`does without the version where it is not for everybody (${status})`, async () => {
      const sim = await startSense();
      sim.failNext({ kind: 'reply', reply: { status } }, 'info');
      const connection = connectTo(sim);
      const check = await connection.check(never);
      assert.deepEqual([check.version, check.cameras], [undefined, 3]);
      assert.equal((await connection.listCameras(never)).length, 3);
      assert.match(sim.requestsFor('info')[0]?.headers.cookie ?? '', /sessionkey=1048577001/);
    });
  }

  const replies: [string, string, string][] = [
    ['nothing', '', 'undefined'],
    ['no values', '<apiinfo/>', 'undefined'],
    ['a time that is none', '<apiinfo><utc>now</utc><version>2.7.3</version></apiinfo>', '2.7.3'],
  ];
  for (const [name, body, version] of replies) {
    it(`copes with an answer that holds ${name}`, async () => {
      const sim = await startSense();
      sim.failNext({ kind: 'reply', reply: { body } }, 'info');
      const check = await connectTo(sim).check(never);
      assert.deepEqual([String(check.version), check.clockSkewMs], [version, undefined]);
    });
  }

  it('fails where there is another server, and names the address as the likely reason', async () => {
    const sim = await startSense({ auth: ['open'] });
    const connection = connectTo(sim, { settings: { auth: 'none' } });
    sim.failNext({ kind: 'reply', reply: { body: '<!doctype html><title>Router</title>' } }, () => true, 2);
    await assert.rejects(connection.check(never), fails('EPROTOCOL', /Check that the address is the one of the VDG/));
  });

  it('fails where the camera list does', async () => {
    const sim = await startSense({ withoutLicence: ['getDeviceList'] });
    await assert.rejects(connectTo(sim).check(never), fails('EUNSUPPORTED', /\(asking for the camera list\).*licence/));
  });

  const logins: [Record<string, unknown>, string[]][] = [
    [{ auth: 'plain' }, [plainPassword]],
    [{ auth: 'basic' }, [plainPassword]],
    [{ auth: 'digest', digestNonce: 'VENDORISSUED0001' }, ['Digest login is experimental']],
    [{ auth: 'none' }, []],
  ];
  for (const [settings, warnings] of logins) {
    it(`warns of what the login "${String(settings.auth)}" gives away`, async () => {
      const sim = await startSense({ auth: ['open', 'digest'] });
      const connection = connectTo(sim, { settings, credentials: { token: 'vendor-secret' } });
      assert.deepEqual((await connection.check(never)).warnings, warnings);
    });
  }

  it('counts what the list has, also when that is nothing', async () => {
    const sim = await startSense({ devices: [], managementServer: '1' });
    assert.equal((await connectTo(sim).check(never)).cameras, 0);
  });
});
