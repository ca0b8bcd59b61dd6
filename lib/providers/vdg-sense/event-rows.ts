// Reads the events of VDG Sense tolerantly, and puts them into the words of all providers.
import { valueOf, type XmlElement } from '../../net/xml';
import type { EventType, ProviderEvent } from '../../provider';
import { eventTimes } from '../event-list';
import { readTime } from './types';

/** Ids have 64 bits. */
export function compareIds(a: string, b: string): number {
  const [first, second] = [BigInt(a), BigInt(b)];
  return first < second ? -1 : first > second ? 1 : 0;
}

export function readEventId(text: string | undefined): string | undefined {
  return text !== undefined && /^\d{1,20}$/.test(text) ? text : undefined;
}

export interface EventRow {
  id: string;
  /** Epoch milliseconds, read as UTC. */
  timeMs: number;
  type: string;
  description?: string;
  value?: string;
  serverId?: string;
  /** Absent: it is not about a device. */
  deviceId?: string;
  deviceName?: string;
}

export function readEvent(element: XmlElement): EventRow | undefined {
  const id = readEventId(valueOf(element, 'eventid'));
  const time = readTime(valueOf(element, 'eventtime'));
  const type = valueOf(element, 'eventtype');
  if (!id || !time || !type) return undefined;
  const [serverId, deviceId] = ['serverid', 'deviceid'].map((name) => valueOf(element, name) || undefined);
  return {
    id,
    timeMs: Date.parse(time),
    type,
    description: valueOf(element, 'eventdescription') || undefined,
    value: valueOf(element, 'eventvalue') || undefined,
    serverId,
    deviceId: deviceId === '0' ? undefined : deviceId,
    deviceName: valueOf(element, 'devicedescription') || undefined,
  };
}

/** The categories of types. Source: https://tkhsecurity.atlassian.net/wiki/x/B4ZrIgI (Events, references) */
const categories: { kind: string; means: RegExp; type: EventType }[] = [
  { kind: 'Motion', means: /^motion/i, type: 'motion' },
  { kind: 'Alarm', means: /alarm/i, type: 'alarm' },
  { kind: 'CarR', means: /^carr/i, type: 'plate' },
  { kind: 'FaceR', means: /^facer/i, type: 'face' },
  { kind: 'ObjectR', means: /^objectr/i, type: 'object' },
  { kind: 'SceneR', means: /^scener/i, type: 'tamper' },
  { kind: 'Pos', means: /^pos/i, type: 'other' },
  { kind: 'Generic', means: /^generic/i, type: 'other' },
  { kind: 'Connection', means: /connect|video(lost|restored)|norecording/i, type: 'system' },
  { kind: 'System', means: /^system|state(ok|error)/i, type: 'system' },
];

export function toEvent(row: EventRow, kinds: string[], offsetMs: number): ProviderEvent {
  const { id, timeMs, type, description, value, serverId, deviceId, deviceName } = row;
  const category = categories.find(({ means }) => means.test(type));
  const kind = kinds.find((each) => each === (category?.kind ?? 'Other')) ?? kinds[0] ?? 'Other';
  return {
    // Ids come together with their server.
    id: serverId ? `${serverId}/${id}` : id,
    kind,
    ...(serverId && deviceId ? { camera: `${serverId}/${deviceId}` } : {}),
    ...(deviceId && deviceName ? { cameraName: deviceName } : {}),
    ...eventTimes(timeMs - offsetMs),
    type: category?.type ?? 'other',
    ...(description ? { text: description } : {}),
    ref: { type, ...(value ? { value } : {}) },
  };
}
