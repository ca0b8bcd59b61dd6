/** What the contract suite needs to know about one provider and its simulator. */
import type { ProviderDefinition, Settings, TlsOptions } from '../../lib/provider';
import type { RecordedRequest, Reply } from '../simulators/http-server';

/** A reply that the next matching requests get in place of the real one. */
export interface ForcedReply {
  status: number;
  headers?: Record<string, string>;
  body: string;
}

/** Which requests of the vendor's protocol a fault is for. */
export type Step = 'login' | 'create' | 'status' | 'download' | 'delete' | 'cameras' | 'events' | 'any';

/** What happens in front of the vendor's cameras. */
export interface WorldEvents {
  /** Another camera with events. */
  otherCamera: string;
  /** How much later than it happened the vendor may list an event. */
  lateMs: number;
  /** Something happens at `camera`, now or so much earlier, and is over unless it is open. Answers the id of its event. */
  happen(options?: { agoMs?: number; camera?: string; isOpen?: boolean }): string;
  /** The provider's own clock, where time goes by for it as well. */
  now?(): number;
  /** Time goes by for the vendor. */
  pass(ms: number): void;
  /** Absent: events are instants. */
  end?(id: string): void;
  /** For systems that take an event for over when nothing more comes of it. */
  keepOpen?(id: string): void;
  /** Something happens that belongs to no camera. */
  happenNowhere?(): string;
  /** Somebody deletes it. */
  remove?(id: string): void;
  /** From now on, the list is in no order. */
  disorder?(): void;
  /** So long it takes until all of it is listed. */
  settlesMs?: number;
  /** From now on, everything is listed twice. */
  double?(): void;
  /** From now on, there is always another page, or more than was asked for. */
  endless?(): void;
}

export interface World {
  definition: ProviderDefinition;
  settings: Settings;
  tls?: TlsOptions;
  credentials: { username: string; password: string; token: string };
  /** Credentials that the vendor refuses. */
  wrongCredentials: { username: string; password: string; token: string };
  /** A camera with footage, one that the vendor does not know, and what is neither an id nor a name of one (where that can be told). */
  camera: string;
  unknownCamera: string;
  impossibleCamera?: string;
  /** A short range (3 to 6 s, whole seconds) with footage everywhere, and one without any. */
  footage: { start: string; end: string };
  noFootage?: { start: string; end: string };
  /** Values that must never be seen: credentials, and what the simulator has handed out since (sessions, signed addresses). */
  secrets(): string[];
  /** Every request to any of the simulator's hosts, in order. */
  requests(): RecordedRequest[];
  /** Requests of one step. */
  requestsFor(step: Step): RecordedRequest[];
  /** Is this a request of that step? */
  isFor(step: Step, request: RecordedRequest): boolean;
  /** Ends the sessions that the vendor has handed out; absent where there are none. */
  expireSessions?(): void;
  /** The next `times` requests of that step meet this. */
  force(step: Step, reply: ForcedReply, times?: number): void;
  /** The next requests of that step are handled, but their connections break before the answer. */
  loseAnswer(step: Step, times?: number): void;
  /** The next request of that step is never answered. */
  hang(step: Step): void;
  /** The next download ends after so many bytes although more were announced. */
  truncateDownload(bytes: number): void;
  /** The next download goes silent after so many bytes, for good. */
  stallDownload(bytes: number): void;
  /** How the vendor says that something went wrong, without a word about what. Absent: HTTP 500 with a message as JSON. */
  generalError?: ForcedReply;
  /** How the vendor says "too many requests", asking for a pause of one second where it can. */
  throttle(step: Step, times: number): void;
  /** From now on, every answer is said in another way. */
  dress(dress: (reply: Reply, request: RecordedRequest) => Reply): void;
  /** Removes a finished clip behind the client's back. */
  vanish(clipId: string): void;
  /** How many clips the vendor has made. */
  clipCount(): number;
  /** SHA-256 of the bytes that a download of that clip must yield. */
  sha256Of(clipId: string): Promise<string>;
  /** Absent where the provider lists no events. */
  events?: WorldEvents;
  /** Takes back what was forced and has not been met; without it, every fault is met by exactly one request. */
  clearFaults?(): void;
  /** Sockets that are open to any of the simulator's hosts; absent where that cannot be told. */
  openConnections?(): number;
  /** Exports that the vendor makes onto its own storage; absent where it makes none. */
  serverExports?: {
    /** A folder there. */
    path: string;
    count(): number;
    /** The next one is started, but its connection breaks before the answer. */
    loseAnswer(): void;
    /** From now on they do not begin. */
    wait(): void;
  };
  /** Why the contract does not ask for something here, by the name of the test. */
  exceptions?: Record<string, string>;
  close(): Promise<void>;
}

export interface Harness {
  id: string;
  start(): Promise<World>;
}
