/** Clips, and what becomes of them as time goes by. Plain data; nothing here runs by itself. */
import type { Media } from '../video';

/** One stage in the life of a clip. */
export interface Step {
  /** `null`: the field is null. */
  status: string | null;
  /** `Infinity`: for good. */
  ms: number;
  /** `currentOperation` */
  operation?: string | null;
  /** `percentComplete`; by default it runs from 0 to 100 within the step. */
  percent?: number | null;
}

export interface RhombusClip {
  uuid: string;
  organization: string;
  title: string;
  /** Facets, as they were asked for. */
  deviceUuids: string[];
  startMs: number;
  durationSec: number;
  visibility: string;
  audio: boolean;
  createdAt: number;
  steps: Step[];
  /** Pixels. */
  width: number;
  height: number;
  media?: Media;
  sha256?: string;
}

/** The way of a clip when all goes well (order of the stages inferred, texts but the last ours). */
export function usualSteps(ms = 50): Step[] {
  return [
    { status: 'INITIATING', ms, operation: 'Initiating' },
    { status: 'UPLOADING', ms, operation: 'Uploading' },
    { status: 'RENDERING', ms, operation: 'Processing video' },
    { status: 'COMPLETE', ms: Infinity, operation: 'Complete', percent: 100 },
  ];
}

/** Fails after the upload, with this as the only explanation. */
export function failingSteps(operation: string | null, ms = 50): Step[] {
  return [...usualSteps(ms).slice(0, 2), { status: 'FAILED', ms: Infinity, operation }];
}

/** The camera is away for a while, in the middle of the upload. */
export function offlineSteps(awayMs: number, ms = 50): Step[] {
  const [initiating, uploading, ...rest] = usualSteps(ms);
  return [initiating!, uploading!, { status: 'OFFLINE', ms: awayMs, percent: 30 }, uploading!, ...rest];
}

export interface StepNow extends Required<Step> {
  /** When it began. */
  since: number;
}

/** Where a clip is at `now`. */
export function stepAt(clip: RhombusClip, now: number): StepNow {
  let since = clip.createdAt;
  for (const [index, step] of clip.steps.entries()) {
    if (now < since + step.ms || index === clip.steps.length - 1) {
      const share = step.ms === 0 || step.ms === Infinity ? 0 : Math.min(1, (now - since) / step.ms);
      const { percent = Math.floor(share * 100), operation = null } = step;
      return { ...step, percent, operation, since };
    }
    since += step.ms;
  }
  return { status: null, ms: Infinity, percent: null, operation: null, since };
}

/** Finished as clients tell it (inferred from the vendor's own). */
export function isComplete(clip: RhombusClip, now: number): boolean {
  const { status, percent, operation } = stepAt(clip, now);
  return status === 'COMPLETE' || (status !== 'FAILED' && percent === 100 && operation === 'Complete');
}

/** 22 characters of url-safe base64: every second one starts with a dash, each holds an underline. */
export function clipUuid(number: number): string {
  return `${number % 2 ? '-' : 'Q'}m3hV7t_SkO${String(number).padStart(11, '0')}`;
}
