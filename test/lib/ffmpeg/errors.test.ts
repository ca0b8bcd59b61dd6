import assert from 'node:assert/strict';
import { classifyStderr } from '../../../lib/ffmpeg/run';

describe('what ffmpeg says when it fails', () => {
  const table: [name: string, stderr: string, exit: number | NodeJS.Signals | null, code: string, message: RegExp][] = [
    [
      'a full disk (4 and 5)',
      'Could not write header for output file #0 (incorrect codec parameters ?): No space left on device\n' +
        'Error initializing output stream 0:0 -- \n',
      1,
      'ENOSPACE',
      /^The disk is full$/,
    ],
    [
      'a full disk (7)',
      '[out#0/mp4 @ 0x5f] Error muxing a packet\nTask finished with error code: -28 (No space left on device)\n',
      228,
      'ENOSPACE',
      /^The disk is full$/,
    ],
    ['a full quota', 'av_interleaved_write_frame(): Disk quota exceeded', 1, 'ENOSPACE', /disk is full/],
    ['a disk that holds no large files', 'av_interleaved_write_frame(): File too large', 1, 'EFFMPEG', /too large for/],
    ['no H.264 encoder', "Unknown encoder 'libx264'\n", 1, 'EFFMPEG', /^This ffmpeg has no H\.264 encoder \(libx264\)/],
    ['no other encoder', "[vost#0:0 @ 0x1] Unknown encoder 'aac'\n", 8, 'EFFMPEG', /has no encoder "aac"/],
    [
      'a track that MP4 cannot hold',
      '[mp4 @ 0x12e178c0] Could not find tag for codec pcm_alaw in stream #1, codec not currently supported in container\n' +
        'Could not write header for output file #0 (incorrect codec parameters ?): Invalid argument\n',
      1,
      'EFFMPEG',
      /^An MP4 file cannot hold the track with codec "pcm_alaw"$/,
    ],
    [
      'a codec it cannot decode (4)',
      'Decoder (codec av1) not found for input stream #0:0',
      1,
      'EFFMPEG',
      /decode the codec "av1"/,
    ],
    [
      'a codec it cannot decode (6)',
      '[vist#0:0/vvc @ 0x1] Decoding requested, but no decoder found for: vvc',
      1,
      'EFFMPEG',
      /"vvc"/,
    ],
    ['an option it does not know', "Unrecognized option 'fps_mode'.\nError splitting", 1, 'EFFMPEG', /"fps_mode"/],
    ['a filter it lacks', "[AVFilterGraph @ 0x1] No such filter: 'scale'\n", 1, 'EFFMPEG', /no filter "scale"/],
    ['a format it lacks', "Unknown input format: 'concat'\n", 1, 'EFFMPEG', /format "concat"/],
    [
      'a file that points elsewhere',
      "[http @ 0x1] Protocol 'http' not on whitelist 'file'!\nhttp://10.0.0.1/x?token=secret: Invalid argument\n",
      1,
      'EFFMPEG',
      /^The file refers to another place \(http\), which is not followed$/,
    ],
    [
      'a missing library',
      'ffmpeg: error while loading shared libraries: libavdevice.so.59: cannot open shared object file',
      127,
      'EFFMPEG',
      /cannot start.*libavdevice/,
    ],
    ['a refused file', 'file:/srv/a.mp4: Permission denied\n', 1, 'EFFMPEG', /permission denied/],
    ['a protected file', 'file:/srv/a.mp4: Operation not permitted\n', 1, 'EFFMPEG', /permission denied/],
    ['a read-only disk', 'file:/srv/a.mp4: Read-only file system\n', 1, 'EFFMPEG', /read-only/],
    ['too little memory', 'Error while filtering: Cannot allocate memory\n', 1, 'EFFMPEG', /out of memory/],
    ['a missing file', 'file:/srv/a.mp4: No such file or directory\n', 1, 'EFFMPEG', /is not there/],
    [
      'what is not video',
      '[mov,mp4,m4a,3gp,3g2,mj2 @ 0x3f437c00] moov atom not found\nfile:/etc/x: Invalid data found when processing input\n',
      1,
      'EFFMPEG',
      /damaged, or not video/,
    ],
    [
      'nothing to use',
      "Stream map '0:V' matches no streams.\nTo ignore this, add",
      1,
      'EFFMPEG',
      /nothing in the file/,
    ],
    ['too little memory, seen from outside', 'frame=  10 fps=0', 'SIGKILL', 'EFFMPEG', /ended by SIGKILL: .*memory/],
    ['the wrong processor', '', 'SIGILL', 'EFFMPEG', /not made for this processor/],
    ['a crash', 'some text', 'SIGSEGV', 'EFFMPEG', /^ffmpeg was ended by SIGSEGV$/],
    ['a polite stop', 'frame=  10 fps=0 time=00:00:01.00\r', 255, 'EFFMPEG', /stopped by a signal/],
    [
      'anything else, by its last words',
      'frame=  1 fps=0.0 time=00:00:01.00\r[libx264 @ 0x5561d4dbbf40] width not divisible by 2 (65x49)\n' +
        'Error initializing output stream 0:0 -- \nConversion failed!\n\n',
      1,
      'EFFMPEG',
      /^ffmpeg failed: libx264: width not divisible by 2 \(65x49\)$/,
    ],
    ['silence', '', 3, 'EFFMPEG', /^ffmpeg failed with exit code 3$/],
  ];
  for (const [name, stderr, exit, code, message] of table) {
    it(`becomes plain words for ${name}`, () => {
      const error = classifyStderr(stderr, exit);
      assert.equal(error.code, code);
      assert.match(error.message, message);
      assert.equal(error.retryable, false);
    });
  }

  it('is not mistaken in the name of a file', () => {
    const error = classifyStderr('file:/srv/No space left on device.mp4: Permission denied\n', 1);
    assert.match(error.message, /permission denied/);
  });

  it('is cut short and freed of control characters', () => {
    const { message } = classifyStderr(`\x1b[31m\x07${'x'.repeat(5000)}`, 1);
    assert.ok(message.length < 200);
    assert.doesNotMatch(message, /[^\x20-\x7e…]/);
  });
});
