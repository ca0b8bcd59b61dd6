import assert from 'node:assert/strict';
import {
  encodeOptions,
  leastBytes,
  leastVideoBitsPerSecond,
  planBitrate,
  smallerBitrate,
} from '../../../lib/ffmpeg/encode';

const sound = { hasAudio: true, audioBitsPerSecond: 64_000 };
const silent = { hasAudio: false, audioBitsPerSecond: 64_000 };
const rateOf = (plan: ReturnType<typeof planBitrate>) => (plan === 'too small' ? 0 : plan.videoBitsPerSecond);

describe('planning a bit rate', () => {
  const table: [name: string, plan: Parameters<typeof planBitrate>[0], expected: number][] = [
    ['10 MB for half a minute', { seconds: 30, maxBytes: 10e6, ...silent }, 2_580_482],
    ['the same with sound', { seconds: 30, maxBytes: 10e6, ...sound }, 2_516_482],
    ['a short clip', { seconds: 1, maxBytes: 1e6, ...silent }, 7_690_464],
    ['more room than any camera needs', { seconds: 5, maxBytes: 2e9, ...silent }, 100_000_000],
    ['little room', { seconds: 100, maxBytes: 750e3, ...silent }, 53_544],
    ['hardly enough room', { seconds: 100, maxBytes: 330e3, ...silent }, 20_952],
    ['not even that', { seconds: 100, maxBytes: 260e3, ...silent }, 0],
    ['too little for the sound', { seconds: 100, maxBytes: 750e3, ...sound }, 0],
    ['less than the container needs', { seconds: 10, maxBytes: 5e3, ...silent }, 0],
    ['nothing', { seconds: 10, maxBytes: 0, ...silent }, 0],
    ['a day of a picture each 30 s', { seconds: 86_400, maxBytes: 25e6, pictures: 2880, ...silent }, 2235],
    ['an hour of a picture each second', { seconds: 3600, maxBytes: 8e6, pictures: 3600, ...silent }, 16_938],
    ['that hour where there is no room', { seconds: 3600, maxBytes: 0.8e6, pictures: 3600, ...silent }, 0],
  ];
  for (const [name, plan, expected] of table) {
    it(`answers ${expected || 'too small'} for ${name}`, () => assert.equal(rateOf(planBitrate(plan)), expected));
  }

  it('leaves room for sound, container and an encoder that is not exact', () => {
    for (const seconds of [0.5, 5, 60, 3600]) {
      for (const maxBytes of [1e5, 1e6, 1e7, 1e9]) {
        for (const audio of [sound, silent]) {
          const rate = rateOf(planBitrate({ seconds, maxBytes, ...audio }));
          const mediaBits = (rate + (audio.hasAudio ? audio.audioBitsPerSecond : 0)) * seconds;
          if (rate) assert.ok(mediaBits / 8 < maxBytes * 0.97, `${seconds} s in ${maxBytes} bytes`);
        }
      }
    }
  });

  it('knows the smallest size for which there is a plan', () => {
    for (const seconds of [0.4, 10, 1234.5]) {
      for (const audio of [sound, silent]) {
        const least = leastBytes({ seconds, ...audio });
        assert.notEqual(planBitrate({ seconds, maxBytes: least, ...audio }), 'too small');
        assert.equal(planBitrate({ seconds, maxBytes: least - 2, ...audio }), 'too small');
      }
    }
  });

  it('gets smaller after a result that is too large, by more where sound is most of it', () => {
    const next = smallerBitrate(1_000_000, { size: 1_250_000, maxBytes: 1_000_000, seconds: 10 });
    assert.equal(rateOf(next), 776_000);
    const mostlySound = smallerBitrate(100_000, { size: 300_000, maxBytes: 275_000, seconds: 10 });
    assert.equal(rateOf(mostlySound), 77_600);
  });

  it('gives up below what can be watched', () => {
    const size = 1_000_000;
    assert.equal(smallerBitrate(leastVideoBitsPerSecond + 1, { size, maxBytes: size - 1, seconds: 10 }), 'too small');
    assert.equal(smallerBitrate(100_000, { size, maxBytes: size / 10, seconds: 10 }), 'too small');
  });
});

describe('options for encoding', () => {
  const tracks = [
    { handler: 'vide', codec: 'mpeg4', samples: 9 },
    { handler: 'soun', codec: 'aac', samples: 9 },
  ];
  const mp4 = {
    whole: true,
    problems: [],
    fragmented: false,
    hasVideo: true,
    tracks,
    codec: 'mpeg4',
    audioCodec: 'aac',
  };
  const optionsFor = (encoding: Parameters<typeof encodeOptions>[2]) => encodeOptions(mp4, 720, encoding).join(' ');

  it('keep AAC as it is where the size does not matter', () => {
    assert.match(optionsFor({ by: 'quality' }), /-c:a:0 copy/);
    assert.match(optionsFor({ by: 'quality', maxBitsPerSecond: 1e6 }), /-c:a:0 aac -b:a:0 64000/);
    assert.match(optionsFor({ by: 'size', videoBitsPerSecond: 1e6, pass: 2, passLog: 'x' }), /-c:a:0 aac -b:a:0 64000/);
  });

  it('measure pictures only in the first of two passes, with the same settings', () => {
    const by = { by: 'size', videoBitsPerSecond: 1e6, passLog: 'x' } as const;
    const first = optionsFor({ ...by, pass: 1 });
    assert.doesNotMatch(first, /0:a|-c:a/);
    assert.ok(optionsFor({ ...by, pass: 2 }).startsWith(first.replace('-pass 1', '-pass 2')));
  });

  it('fit the numbers that ffmpeg can hold', () => {
    const most = rateOf(planBitrate({ seconds: 1, maxBytes: 1e12, ...silent }));
    const buffer = /-bufsize (\d+)/.exec(optionsFor({ by: 'quality', maxBitsPerSecond: most }))?.[1];
    assert.ok(Number(buffer) < 2 ** 31);
  });
});
