import { ClipError } from '../errors';
import { readMp4, sniff, type Mp4Info, type Mp4Source } from '../mp4';
import { describeClip, type Clip, type ClipFile } from '../provider';
import type { Received } from './receive';
import { verify } from './verify';

const sniffBytes = 512;

export interface Judgement {
  file: Omit<ClipFile, 'path' | 'seconds' | 'resumed'>;
  mp4: Mp4Info;
}

/** @throws what cut the transfer off, unless it is lenient and anything came at all */
export function refuseCut(clip: Clip, { cut, size }: Received, { lenient }: { lenient: boolean }): void {
  if (cut && (!lenient || size === 0)) throw new ClipError(cut.code, `${downloading(clip)}: ${cut.message}`, cut);
}

/**
 * What the received bytes are.
 * @param rules `declaredSha256` as the vendor announced it; `strict`: what is incomplete is an error; `lenient`: even what was
 * damaged on the way is taken as far as it can be used
 * @throws EINCOMPLETE or EPROTOCOL when the bytes are not the clip
 */
export async function judgeFile(
  clip: Clip,
  { cut, size, sha256 }: Received & { sha256: string },
  source: Mp4Source,
  rules: { declaredSha256?: string; strict: boolean; lenient: boolean },
): Promise<Judgement> {
  const doing = downloading(clip);
  const content = sniff(await source.read(0, Math.min(sniffBytes, size)));
  if (content !== 'mp4') {
    const what =
      content === 'empty' ? 'nothing' : content === 'unknown' ? 'something that is not MP4' : content.toUpperCase();
    throw new ClipError('EPROTOCOL', `${doing}: the server sent ${what} instead of video`);
  }
  const declared = rules.declaredSha256 ?? clip.sha256;
  if (declared && declared.toLowerCase() !== sha256) {
    throw new ClipError('EINCOMPLETE', `${doing}: the SHA-256 is not the one that the server announced`, {
      retryable: true,
    });
  }
  const mp4 = await readMp4(source);
  const { incomplete, missingBefore, missingAfter, problems: found } = verify(clip, size, mp4);
  const problems = [...(cut ? [cut.message] : []), ...found];
  // Bytes that end inside a box were cut on the way: another try may bring them. Footage that the vendor lacks stays missing.
  const mayImprove = !mp4.whole;
  if (incomplete && (rules.strict || (mayImprove && !rules.lenient))) {
    throw new ClipError('EINCOMPLETE', `${doing}: ${problems.join('; ')}`, { retryable: mayImprove });
  }
  const { duration, width, height, codec } = mp4;
  const facts = { size, sha256, duration, width, height, codec };
  return { file: { ...facts, missingBefore, missingAfter, gaps: clip.gaps ?? [], problems }, mp4 };
}

function downloading(clip: Clip): string {
  return `Downloading the clip of ${describeClip(clip)}`;
}
