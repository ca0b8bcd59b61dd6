import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createLogin, type FoundCredentials } from '../../../../lib/providers/kinesis-video/login';
import { loadSdk } from '../../../../lib/providers/kinesis-video/sdk';
import { exampleKey, parseAuthorization, type KinesisVideo } from '../../../simulators/kinesis-video';
import { withoutAwsEnvironment } from '../../../support/aws-environment';
import { untilAborted } from '../../../support/promises';
import { tempFolder } from '../../../support/temp-folder';
import { closeAll, connectTo, create, fails, never, startKinesis } from './support';

const none = { username: '', password: '', token: '' };
const temporary = {
  accessKeyId: 'ASIATEMPORARY',
  secretAccessKey: 'temporary-secret',
  sessionToken: 'temporary-token',
};

const keysSeen = (sim: KinesisVideo): (string | undefined)[] => [
  ...new Set(sim.requests.map((request) => parseAuthorization(request)?.accessKeyId)),
];

describe('Kinesis Video Streams: credentials', () => {
  withoutAwsEnvironment();
  const folder = tempFolder();
  afterEach(closeAll);

  it('are those of the connection, session token included, blanks around them aside', async () => {
    const sim = await startKinesis({ keys: [temporary] });
    process.env.AWS_ACCESS_KEY_ID = exampleKey.accessKeyId;
    process.env.AWS_SECRET_ACCESS_KEY = exampleKey.secretAccessKey;
    const credentials = { username: ' ASIATEMPORARY', password: 'temporary-secret\n', token: 'temporary-token ' };
    await create(connectTo(sim, { credentials }));
    assert.deepEqual(keysSeen(sim), ['ASIATEMPORARY']);
  });

  for (const [missing, credentials] of [
    ['secret access key', { password: '' }],
    ['access key ID', { username: '' }],
    ['access key ID', { username: '', password: '', token: 'alone' }],
  ] as const) {
    it(`are refused without a request when the ${missing} is missing (${Object.keys(credentials).join()})`, async () => {
      const sim = await startKinesis();
      await assert.rejects(
        create(connectTo(sim, { credentials })),
        fails('EINVALID', new RegExp(`The ${missing} of the connection is missing`)),
      );
      assert.equal(sim.requests.length, 0);
    });
  }

  describe('left empty', () => {
    it('are those of the environment', async () => {
      const sim = await startKinesis({ keys: [temporary] });
      process.env.AWS_ACCESS_KEY_ID = temporary.accessKeyId;
      process.env.AWS_SECRET_ACCESS_KEY = temporary.secretAccessKey;
      process.env.AWS_SESSION_TOKEN = temporary.sessionToken;
      await create(connectTo(sim, { credentials: none }));
      assert.deepEqual(keysSeen(sim), ['ASIATEMPORARY']);
    });

    async function writeProfile(key: { accessKeyId: string; secretAccessKey: string }): Promise<void> {
      const file = join(folder(), 'credentials');
      process.env.AWS_SHARED_CREDENTIALS_FILE = file;
      await writeFile(
        file,
        `[yard]\naws_access_key_id = ${key.accessKeyId}\naws_secret_access_key = ${key.secretAccessKey}\n`,
      );
    }

    it('are those of the profile that is set, with its region', async () => {
      const sim = await startKinesis();
      await writeProfile(exampleKey);
      process.env.AWS_CONFIG_FILE = join(folder(), 'config');
      await writeFile(process.env.AWS_CONFIG_FILE, '[profile yard]\nregion = eu-west-1\n');
      await create(connectTo(sim, { credentials: none, settings: { profile: 'yard', region: '' } }));
      assert.deepEqual(keysSeen(sim), [exampleKey.accessKeyId]);
    });

    it('are read again when AWS no longer knows them', async () => {
      const rotated = { accessKeyId: 'AKIAROTATED', secretAccessKey: 'rotated-secret' };
      const sim = await startKinesis();
      let now = Date.now();
      await writeProfile(exampleKey);
      const connection = connectTo(sim, { credentials: none, settings: { profile: 'yard' }, now: () => now });
      await create(connection);
      await writeProfile(rotated);
      sim.options.keys[0] = rotated;
      now += 3600_000;
      await create(connection);
      assert.deepEqual(keysSeen(sim), [exampleKey.accessKeyId, 'AKIAROTATED']);
    });

    it('are looked for a second time at most when AWS refuses them', async () => {
      const sim = await startKinesis({ keys: [] });
      let now = Date.now();
      await writeProfile(exampleKey);
      const connection = connectTo(sim, { credentials: none, settings: { profile: 'yard' }, now: () => now });
      sim.options.keys.push(exampleKey);
      await create(connection);
      sim.options.keys.length = 0;
      now += 3600_000;
      await assert.rejects(create(connection), fails('EAUTH'));
      await assert.rejects(create(connection), fails('EAUTH', /tried again after a pause/));
      // One that was good; refused ones: by the credentials of before, and by those that were found then.
      assert.deepEqual(
        sim.requests.map(({ path, status }) => `${path} ${status}`),
        ['/getDataEndpoint 200', '/listFragments 200', '/getDataEndpoint 403', '/getDataEndpoint 403'],
      );
    });

    it('are never shown, though no setting holds them', async () => {
      const sim = await startKinesis();
      await writeProfile(exampleKey);
      const echo = `${exampleKey.accessKeyId} ${exampleKey.secretAccessKey}`;
      sim.failNext(sim.refusal(400, 'InvalidArgumentException', echo), 'listFragments');
      const connection = connectTo(sim, { credentials: none, settings: { profile: 'yard' } });
      await assert.rejects(create(connection), fails('EINVALID', /InvalidArgumentException: \*\*\* \*\*\*/));
    });

    it('must be somewhere', async () => {
      const sim = await startKinesis();
      await assert.rejects(
        create(connectTo(sim, { credentials: none })),
        fails(
          'EAUTH',
          /^Could not load credentials from any providers \(looking for AWS credentials on this computer\)/,
        ),
      );
    });
  });

  describe('that end', () => {
    const found = (seconds: number): FoundCredentials => ({ ...temporary, expiration: new Date(seconds * 1000) });
    const at = (seconds: number) => () => seconds * 1000;

    it('are renewed a minute before, but not before they were used for a minute', async () => {
      const session = await createLogin(none, async () => found(3600), at(0))({ signal: never });
      assert.equal(session.renewAt, 3_540_000);
      const ended = await createLogin(none, async () => found(10), at(100))({ signal: never });
      assert.equal(ended.renewAt, 160_000);
    });

    it('are looked for again when their time has come, before a request', async () => {
      process.env.AWS_ACCESS_KEY_ID = exampleKey.accessKeyId;
      process.env.AWS_SECRET_ACCESS_KEY = exampleKey.secretAccessKey;
      let now = Date.now();
      process.env.AWS_CREDENTIAL_EXPIRATION = new Date(now + 3600_000).toISOString();
      const sim = await startKinesis({ keys: [exampleKey, { accessKeyId: 'AKIALATER', secretAccessKey: 'later' }] });
      const connection = connectTo(sim, { credentials: none, now: () => now });
      await create(connection);
      process.env.AWS_ACCESS_KEY_ID = 'AKIALATER';
      process.env.AWS_SECRET_ACCESS_KEY = 'later';
      await create(connection);
      assert.deepEqual(keysSeen(sim), [exampleKey.accessKeyId]);
      now += 3_541_000;
      await create(connection);
      assert.deepEqual(keysSeen(sim), [exampleKey.accessKeyId, 'AKIALATER']);
    });

    it('and are not found for a moment are trouble that may pass', async () => {
      let there = true;
      const login = createLogin(
        none,
        async () => {
          if (there) return found(3600);
          throw new Error('Connect timeout on instance metadata\nat somewhere');
        },
        at(0),
      );
      await login({ signal: never });
      there = false;
      await assert.rejects(
        login({ signal: never }),
        fails('ENETWORK', /instance metadata \(.*\)\. Enter/, { retryable: true }),
      );
    });
  });

  it('are not waited for when the connection closes', async () => {
    const closing = new AbortController();
    const login = createLogin(
      none,
      () => untilAborted(never),
      () => 0,
    );
    const waiting = login({ signal: closing.signal });
    closing.abort();
    await assert.rejects(waiting, fails('EABORTED'));
    await assert.rejects(login({ signal: closing.signal }), fails('EABORTED'));
  });

  describe('without the AWS SDK', () => {
    const missing = (): never => {
      throw Object.assign(new Error("Cannot find module '@aws-sdk/client-kinesis-video'\nRequire stack:"), {
        code: 'MODULE_NOT_FOUND',
      });
    };

    it('name what to install', async () => {
      const sim = await startKinesis();
      const connection = connectTo(sim, { loadSdk: () => loadSdk(missing) });
      const says =
        /needs the AWS SDK, which is not installed\. Run "npm install @aws-sdk\/client-kinesis-video @aws-sdk\/client-kinesis-video-archived-media"/;
      await assert.rejects(create(connection), fails('EUNSUPPORTED', says, { retryable: false }));
      await assert.rejects(connection.check(never), fails('EUNSUPPORTED', says));
      assert.equal(sim.requests.length, 0);
    });

    it('say why it cannot be used when it is there', () => {
      const broken = (): never => {
        throw new SyntaxError('Unexpected token');
      };
      assert.throws(() => loadSdk(broken), fails('EUNSUPPORTED', /cannot be loaded \(Unexpected token\)/));
    });
  });
});
