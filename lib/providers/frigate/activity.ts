// Reads review items and tracked objects, the two forms in which Frigate keeps what it has seen.
import { isObject, objectAt, parseLongJson, readNumber, readText, readTexts } from '../../net/json';
import type { EventType } from '../../provider';
import { typeOfLabel } from '../event-labels';
import { readSeconds } from './types';

/** A review item, or a tracked object. Epoch milliseconds. */
export interface Activity {
  id: string;
  camera?: string;
  start: number;
  /** Absent: it goes on. */
  end?: number;
  labels: string[];
  /** Names of people, plates. */
  subLabels: string[];
  zones: string[];
  /** Was it heard only? */
  isSound: boolean;
  severity?: string;
  score?: number;
  title?: string;
}

/** One stretch of activity of a camera. What was seen is verified or not, which is part of the word. */
export function readReview(value: unknown): Activity | undefined {
  const activity = readActivity(value);
  if (!activity || !isObject(value)) return undefined;
  const data = objectAt(value, 'data');
  const [seen, heard] = [readTexts(data.objects), readTexts(data.audio)];
  return {
    ...activity,
    labels: [...seen, ...heard].map((label) => label.replace(/-verified$/, '')),
    subLabels: readTexts(data.sub_labels),
    zones: readTexts(data.zones),
    isSound: seen.length === 0 && heard.length > 0,
    severity: readText(value.severity),
    title: readText(objectAt(data, 'metadata').title),
  };
}

export function readTrackedObject(value: unknown): Activity | undefined {
  const activity = readActivity(value);
  if (!activity || !isObject(value)) return undefined;
  const data = objectAt(value, 'data');
  const label = readText(value.label);
  const subLabel = readText(Array.isArray(value.sub_label) ? value.sub_label[0] : value.sub_label);
  const score = readNumber(data.top_score) ?? readNumber(value.top_score) ?? readNumber(data.score);
  return {
    ...activity,
    labels: label ? [label] : [],
    subLabels: subLabel ? [subLabel] : [],
    zones: readTexts(value.zones),
    isSound: readText(data.type) === 'audio',
    severity: readText(data.max_severity),
    ...(score !== undefined && score >= 0 && score <= 1 ? { score } : {}),
  };
}

function readActivity(value: unknown): Pick<Activity, 'id' | 'camera' | 'start' | 'end'> | undefined {
  if (!isObject(value)) return undefined;
  const id = readText(value.id);
  const start = readSeconds(value.start_time);
  if (!id || start === undefined) return undefined;
  const end = readSeconds(value.end_time);
  return {
    id,
    camera: readText(value.camera),
    start: Math.round(start * 1000),
    ...(end === undefined ? {} : { end: Math.round(end * 1000) }),
  };
}

/** Does a message of the WebSocket say that something has begun or ended? Most say other things, and need not be read. */
export async function isNews(text: string): Promise<boolean> {
  if (!/"topic"\s*:\s*"(?:reviews|events)"/.test(text)) return false;
  const message = await parseLongJson(text);
  if (!isObject(message)) return false;
  const payload = typeof message.payload === 'string' ? await parseLongJson(message.payload) : message.payload;
  return isObject(payload) && (payload.type === 'new' || payload.type === 'end');
}

export function typeOf({ labels, isSound }: Activity): EventType {
  if (isSound) return 'sound';
  const [label] = labels;
  if (label === undefined) return 'motion';
  return typeOfLabel(label) ?? 'object';
}
