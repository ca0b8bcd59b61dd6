// Defines events that a video system lists, and the query for them.
import type { ProviderClip } from './clip';

/** Words for what happened that all providers share; the vendor's own word is `ref.type`. */
export const eventTypes = [
  'motion',
  'person',
  'vehicle',
  'animal',
  'object',
  'face',
  'plate',
  'sound',
  'alarm',
  'door',
  'tamper',
  'line',
  'counting',
  'system',
  'footage',
  'other',
] as const;
export type EventType = (typeof eventTypes)[number];

/** Something that the video system says has happened. Plain JSON without secrets and signed addresses; times are ISO 8601 with `Z`. */
export interface ProviderEvent {
  /** The vendor's own, as text. Unique among the events of its kind on this server. */
  id: string;
  /** One of the definition's `eventKinds`. */
  kind: string;
  /** Id, as `createClip` takes it. Absent: the event belongs to no camera. */
  camera?: string | undefined;
  cameraName?: string | undefined;
  start: string;
  /** Absent while the event goes on, and for an instant. */
  end?: string | undefined;
  /** Not over yet: the same event is listed again with its `end`. */
  open?: boolean | undefined;
  type: EventType;
  /** The thing seen, in the vendor's word: `person`, `car`. */
  label?: string | undefined;
  /** All that was seen, where it is more than one thing. */
  labels?: string[] | undefined;
  /** 0-1. */
  score?: number | undefined;
  severity?: string | undefined;
  zones?: string[] | undefined;
  /** One line for people. */
  text?: string | undefined;
  /** The video of it, where the vendor already holds that. */
  clip?: ProviderClip | undefined;
  /** More strings of the vendor, such as `type`. */
  ref?: Record<string, string> | undefined;
}

export interface EventQuery {
  /** End of the last answer, in the provider's own words. Empty: from now on. */
  cursor: string;
  /** Of `eventKinds`; never empty. */
  kinds: string[];
  /** Ids. Empty: all that the account may see. */
  cameras: string[];
  /** Ids of events that were `open` when last seen. */
  open: string[];
  /** Most events in the answer, the open ones not counted. */
  limit: number;
}

export interface EventPage {
  /** Oldest first. May hold events of earlier pages again, and open ones as often as they change. */
  events: ProviderEvent[];
  /** For the next query. Lies so far back that events which the vendor lists late are still found. */
  cursor: string;
  /** Is there another page right now? */
  more: boolean;
  /** Events of the query's `open` that the vendor knows no more. */
  gone?: string[] | undefined;
}
