import assert from 'node:assert/strict';
import type { Connection } from '../../../../lib/connection/connection';
import type { Footage } from '../../../../lib/provider';
import { footage, stream, type SimFragment } from '../../../simulators/kinesis-video';
import { withoutAwsEnvironment } from '../../../support/aws-environment';
import { at, bodies, closeAll, connectTo, EIGHT, fails, never, request, startKinesis } from './support';

const hour = 3600_000;

const survey = (connection: Connection, startSeconds: number, endSeconds: number): Promise<Footage> =>
  connection.surveyFootage('dock', { start: at(startSeconds), end: at(endSeconds) }, never);

/** Lists of pages that were asked for, not counting their further pages. */
const listsIn = (sim: Parameters<typeof bodies>[0]): number =>
  bodies(sim, 'listFragments').filter(({ NextToken }) => NextToken === undefined).length;

describe('Kinesis Video Streams: what a range is made of', () => {
  withoutAwsEnvironment();
  afterEach(closeAll);

  it('is whole fragments, with what one clip may have of them', async () => {
    const sim = await startKinesis();
    assert.deepEqual(await survey(connectTo(sim), 11, 15), {
      maxClipSeconds: 4000,
      gaps: [],
      pieces: [
        { start: at(10), end: at(12), bytes: 20_000 },
        { start: at(12), end: at(14), bytes: 20_000 },
        { start: at(14), end: at(16), bytes: 20_000 },
      ],
      maxPieces: 200,
      maxBytes: 100e6,
    });
  });

  it('is divided between two of them without losing or repeating one', async () => {
    const lengths = [1900, 2100, 4000, 700];
    const sim = await startKinesis(
      {},
      footage(EIGHT, EIGHT + 120_000, {
        fragmentMs: lengths,
        undeclaredMs: 40,
        arrivalMs: (index) => 900 + (index % 3) * 400,
      }),
    );
    for (const timestamps of ['PRODUCER_TIMESTAMP', 'SERVER_TIMESTAMP']) {
      const connection = connectTo(sim, { settings: { timestamps } });
      const { pieces = [] } = await survey(connection, 3, 101);
      const cuts = [at(3), ...pieces.slice(1).map(({ start }) => start), at(101)];
      for (const [index, piece] of pieces.entries()) {
        const range = { start: cuts[index]!, end: cuts[index + 1]! };
        const { ref } = await connection.createClip({ ...request(), ...range }, never);
        assert.equal(ref!.fragments, '1', `${timestamps} ${JSON.stringify(piece)}`);
      }
      const all = await connection.createClip({ ...request(), start: at(3), end: at(101) }, never);
      assert.equal(all.ref!.fragments, String(pieces.length));
    }
  });

  it('of a day is 43,200 pieces, each once and in order, from pages in any order', async () => {
    const sim = await startKinesis({ list: { shuffleSeed: 7 } }, footage(EIGHT - 60_000, EIGHT + 24 * hour + 60_000));
    const { pieces = [], gaps } = await survey(connectTo(sim), 0, 24 * 3600);
    assert.equal(pieces.length, 43_200);
    assert.deepEqual(gaps, []);
    for (const [index, { start, end }] of pieces.entries()) {
      if (start !== at(index * 2) || end !== at(index * 2 + 2)) assert.fail(`${index}: ${start} to ${end}`);
    }
    assert.equal(listsIn(sim), 13);
  });

  it('of days has the gaps between them', async () => {
    const ten = { fragmentMs: 10_000 };
    const sim = await startKinesis({}, [
      ...footage(EIGHT, EIGHT + 13 * hour, ten),
      ...footage(EIGHT + 14 * hour, EIGHT + 30 * hour, ten),
    ]);
    const { pieces = [], gaps } = await survey(connectTo(sim), 0, 31 * 3600);
    assert.deepEqual(gaps, [
      { start: at(13 * 3600), end: at(14 * 3600) },
      { start: at(30 * 3600), end: at(31 * 3600) },
    ]);
    // Of two fragments each, as the range has two days.
    assert.equal(pieces.length, (29 * 360) / 2);
  });

  it('of a month has larger pieces, in which nothing is lost', async function () {
    // It is much to reckon with, for a busy machine.
    this.timeout(240_000);
    const days = 31;
    const settings = { fragmentMs: 20_000, bytes: 400_000 };
    const sim = await startKinesis({}, [
      ...footage(EIGHT, EIGHT + 40 * hour, settings),
      ...footage(EIGHT + 41 * hour, EIGHT + 42 * hour, { ...settings, bytes: 4e6 }),
      ...footage(EIGHT + 42 * hour, EIGHT + days * 24 * hour, settings),
    ]);
    const { pieces = [], gaps, maxPieces } = await survey(connectTo(sim), 0, days * 24 * 3600);
    assert.deepEqual(gaps, [{ start: at(40 * 3600), end: at(41 * 3600) }]);
    assert.equal(maxPieces, 10);
    assert.ok(pieces.length < 10_000, String(pieces.length));
    const breaks = pieces.slice(1).filter(({ start }, index) => start !== pieces[index]!.end);
    assert.deepEqual(
      breaks.map(({ start }) => start),
      [at(41 * 3600)],
    );
    assert.deepEqual([pieces[0]!.start, pieces.at(-1)!.end], [at(0), at(days * 24 * 3600)]);
    assert.equal(
      pieces.reduce((sum, { bytes }) => sum + bytes, 0),
      ((days * 24 - 2) * 400_000 + 4e6) * 180,
    );
    assert.ok(pieces.every(({ bytes }) => bytes <= 10e6));
  });

  it('is one gap where there is nothing', async () => {
    const sim = await startKinesis({}, []);
    const { gaps, pieces } = await survey(connectTo(sim), 0, 60);
    assert.deepEqual([gaps, pieces], [[{ start: at(0), end: at(60) }], []]);
  });

  it('may hold a piece that is larger than a clip should be', async () => {
    const sim = await startKinesis({}, footage(EIGHT, EIGHT + 40_000, { fragmentMs: 20_000, bytes: 140e6 }));
    const { pieces = [], maxBytes } = await survey(connectTo(sim), 0, 40);
    assert.deepEqual(
      pieces.map(({ bytes }) => bytes > maxBytes!),
      [true, true],
    );
  });

  it('has neither a piece nor a gap where footage may still arrive', async () => {
    const sim = await startKinesis();
    const connection = connectTo(sim, { now: () => EIGHT + 150_000 });
    const { pieces = [], gaps } = await survey(connection, 110, 140);
    assert.deepEqual([pieces.at(-1)?.end, gaps], [at(120), []]);
  });

  it('has a gap where footage is no longer kept', async () => {
    const now = Date.now();
    const from = Math.floor(now / 1000) * 1000 - 40 * hour;
    const fragments: SimFragment[] = footage(from, from + 40 * hour, { fragmentMs: 20_000, arrivalMs: 0 });
    const sim = await startKinesis({ streams: [stream('dock', { fragments, retentionHours: 24 })] });
    const connection = connectTo(sim, { settings: { timestamps: 'SERVER_TIMESTAMP' } });
    const range = { start: new Date(from).toISOString(), end: new Date(now - hour).toISOString() };
    const { gaps } = await connection.surveyFootage('dock', range, never);
    assert.equal(gaps.length, 1);
    assert.equal(gaps[0]!.start, range.start);
    assert.ok(Math.abs(Date.parse(gaps[0]!.end) - (now - 24 * hour)) < 60_000, gaps[0]!.end);
  });

  it('is not known where fragments may not be listed: short pieces of time then', async () => {
    const sim = await startKinesis();
    sim.options.keys[0] = { ...sim.options.keys[0]!, denied: ['ListFragments'] };
    assert.deepEqual(await survey(connectTo(sim), 0, 60), { maxClipSeconds: 180, gaps: [] });
  });

  it('cannot be told of a stream that is not there, or when AWS is in trouble', async () => {
    const sim = await startKinesis();
    const connection = connectTo(sim);
    const range = { start: at(0), end: at(60) };
    await assert.rejects(
      connection.surveyFootage('barn', range, never),
      fails('ENOTFOUND', /\(looking for the footage of camera barn/),
    );
    sim.failNext(sim.refusal(400, 'ClientLimitExceededException'), 'listFragments');
    await assert.rejects(survey(connection, 0, 60), fails('ETHROTTLED', /./, { retryable: true }));
  });
});
