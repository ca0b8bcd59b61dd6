/** All that the simulated server remembers, and what passes over it when the clock moves. */
import type { Reply } from '../http-server';
import type { AipixEvent } from './events';
import type { PushServer } from './push';
import type { AipixOptions, AipixUser } from './options';
import type { AipixRecord } from './records';
import { refusal } from './replies';

export interface AipixSession {
  id: string;
  token: string;
  /** Names the push channel. */
  tokenId: string;
  user: AipixUser;
  client: string;
  uuid: string;
  userAgent: string;
  createdAt: number;
  lastUsedAt: number;
}

export interface AipixState {
  options: AipixOptions;
  now(): number;
  /** Of the API, and of files. */
  url(): string;
  mediaUrl(): string;
  records: AipixRecord[];
  /** In the order in which they were stored. */
  events: AipixEvent[];
  nextRecordId: bigint;
  nextSessionId: number;
  /** By token. */
  sessions: Map<string, AipixSession>;
  logins: number;
  refusedLogins: number;
  logouts: number;
  /** Keys of captchas that were handed out. */
  captchas: Map<string, string>;
  cleanedUpAt: number;
  /** When requests that are counted came. */
  counted: Map<string, number[]>;
  push: PushServer;
  /** Tokens, channels and addresses of files: what must not be seen anywhere. */
  secrets: Set<string>;
}

/** The answer to one request too many, or undefined. */
export function throttled(state: AipixState, name: keyof AipixOptions['throttle'], who: string): Reply | undefined {
  const { count, windowMs } = state.options.throttle[name];
  const key = `${name} ${who}`;
  const now = state.now();
  const recent = (state.counted.get(key) ?? []).filter((at) => now - at < windowMs);
  if (recent.length < count) {
    state.counted.set(key, [...recent, now]);
    return undefined;
  }
  const reply = refusal(state, 429, {}, 'Too Many Attempts.');
  const waitSeconds = Math.ceil((recent[0]! + windowMs - now) / 1000);
  if (!state.options.retryAfter) return reply;
  return { ...reply, headers: { ...reply.headers, 'retry-after': String(waitSeconds) } };
}
