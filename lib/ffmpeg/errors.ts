// Classifies failures of ffmpeg by its output, in words that a person can act on.
import { ClipError } from '../errors';

/** One thing that ffmpeg may say; `message` gets the match. Error texts end a line, so that a file's name is no error. */
interface Rule {
  pattern: RegExp;
  code?: 'ENOSPACE';
  message(match: RegExpExecArray): string;
}

/** The first that matches wins: causes come before what follows from them. */
const rules: Rule[] = [
  {
    pattern: /(?:: |\()(?:No space left on device|Disk quota exceeded)\)?$/m,
    code: 'ENOSPACE',
    message: () => 'The disk is full',
  },
  { pattern: /(?:: |\()File too large\)?$/m, message: () => 'The file grew too large for this disk' },
  {
    pattern: /Unknown encoder '([^']{1,40})'/,
    message: ([, encoder = '']) =>
      encoder.includes('264')
        ? `This ffmpeg has no H.264 encoder (${encoder}). Install a full build of ffmpeg`
        : `This ffmpeg has no encoder "${encoder}". Install a full build of ffmpeg`,
  },
  {
    pattern: /Could not find tag for codec (\S{1,40}) in stream/,
    message: ([, codec]) => `An MP4 file cannot hold the track with codec "${codec}"`,
  },
  {
    pattern: /(?:Decoder \(codec (\S{1,40})\) not found|no decoder found for: (\S{1,40}))/,
    message: ([, codec, other]) => `This ffmpeg cannot decode the codec "${codec ?? other}"`,
  },
  {
    pattern: /Unrecognized option '([^']{1,40})'/,
    message: ([, option]) => `This ffmpeg does not know the option "${option}". Install another version of ffmpeg`,
  },
  {
    pattern: /No such filter: '([^']{1,40})'/,
    message: ([, filter]) => `This ffmpeg has no filter "${filter}". Install a full build of ffmpeg`,
  },
  {
    pattern: /(?:Requested output format|Unknown input format:?) '([^']{1,40})'/,
    message: ([, format]) => `This ffmpeg does not know the format "${format}". Install a full build of ffmpeg`,
  },
  {
    pattern: /Protocol '([^']{1,40})' not on whitelist/,
    message: ([, protocol]) => `The file refers to another place (${protocol}), which is not followed`,
  },
  {
    pattern: /error while loading shared libraries: (\S{1,80}):/,
    message: ([, library]) => `This ffmpeg cannot start: the library ${library} is missing`,
  },
  {
    pattern: /(?:: |\()(?:Permission denied|Operation not permitted)\)?$/m,
    message: () => 'ffmpeg may not read or write a file there: permission denied',
  },
  { pattern: /(?:: |\()Read-only file system\)?$/m, message: () => 'ffmpeg cannot write there: the disk is read-only' },
  { pattern: /(?:: |\()Cannot allocate memory\)?$/m, message: () => 'ffmpeg ran out of memory' },
  {
    pattern: /(?:: |\()No such file or directory\)?$/m,
    message: () => 'A file or folder that ffmpeg needs is not there',
  },
  {
    pattern: /(?:: |\()Invalid data found when processing input\)?$/m,
    message: () => 'ffmpeg cannot read the video: it is damaged, or not video',
  },
  {
    pattern: /does not contain any stream|matches no streams/,
    message: () => 'There is nothing in the file that ffmpeg could use',
  },
];

const signalMeanings: Partial<Record<NodeJS.Signals, string>> = {
  SIGKILL: 'the system may have run out of memory',
  SIGILL: 'this ffmpeg is not made for this processor',
};

/** Lines that say nothing about the cause. */
const noise = [
  /^(?:frame|size)=/,
  /^\s*Last message repeated/,
  /^Conversion failed!/,
  /^Error initializing output stream \S+ -- *$/,
  /^Exiting normally/,
  /^To ignore this,/,
];

const longestLine = 160;

/**
 * @param stderr the end of what ffmpeg wrote, at `-v error`
 * @param exitCode the exit code, or the signal that ended the process
 * @returns EFFMPEG or ENOSPACE, not retryable
 */
export function classifyStderr(stderr: string, exitCode: number | NodeJS.Signals | null): ClipError {
  if (typeof exitCode === 'string') {
    const meaning = signalMeanings[exitCode];
    return new ClipError('EFFMPEG', `ffmpeg was ended by ${exitCode}${meaning ? `: ${meaning}` : ''}`);
  }
  const text = stderr.replaceAll('\r', '\n');
  for (const { pattern, code = 'EFFMPEG', message } of rules) {
    const match = pattern.exec(text);
    if (match) return new ClipError(code, message(match));
  }
  const line = lastMeaningful(text);
  // A signal makes ffmpeg end in good order, and with this code.
  if (exitCode === 255 && !line) return new ClipError('EFFMPEG', 'ffmpeg was stopped by a signal');
  return new ClipError('EFFMPEG', line ? `ffmpeg failed: ${line}` : `ffmpeg failed with exit code ${exitCode}`);
}

/** Is this more than how far it is? */
export function isComplaint(line: string): boolean {
  return line.trim() !== '' && !noise.some((pattern) => pattern.test(line));
}

function lastMeaningful(text: string): string | undefined {
  const line = text.split('\n').filter(isComplaint).at(-1);
  return line && plainLine(line);
}

export function plainLine(line: string): string {
  // "[libx264 @ 0x5561d4dbbf40] width not divisible" -> "libx264: width not divisible"
  const plain = line
    .replace(/^\[(\S+) @ 0x[0-9a-f]+\] /i, '$1: ')
    .replace(/[\x00-\x1f\x7f]+/g, ' ')
    .trim();
  return plain.length > longestLine ? `${plain.slice(0, longestLine)}…` : plain;
}
