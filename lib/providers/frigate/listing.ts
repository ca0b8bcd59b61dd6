// Reads the folder of exports as nginx lists it, which never comes from its cache: sizes, and times of change as signs of life.
import { ClipError } from '../../errors';
import { parseLongJson } from '../../net/json';
import type { Call, FrigateApi } from './api';
import { replyError } from './errors';
import { readAll, readStoredFile, type StoredFile } from './types';

export interface Files {
  get(name: string): StoredFile | undefined;
  /** The server's clock, epoch milliseconds. */
  serverNow?: number;
}

export interface Listing {
  /** `undefined` where it cannot be had, as for restricted roles in 0.18. @throws EAUTH, EABORTED */
  read(call: Call): Promise<Files | undefined>;
}

export function createListing(api: FrigateApi): Listing {
  return {
    async read(call) {
      try {
        const action = 'Asking for the files of exports';
        const reply = await api.send({ method: 'GET', path: '/exports/', action, isList: true }, call);
        const problem = replyError(reply, action, api.access);
        if (problem) throw problem;
        const entries: unknown = await parseLongJson(reply.text);
        if (!Array.isArray(entries)) return undefined;
        const files = new Map(readAll(entries, readStoredFile).map((file) => [file.name, file] as const));
        const serverNow = Date.parse(reply.headers.date ?? '');
        return { get: (name) => files.get(name), ...(Number.isNaN(serverNow) ? {} : { serverNow }) };
      } catch (thrown) {
        const isOfAll = thrown instanceof ClipError && (thrown.code === 'EAUTH' || thrown.code === 'EABORTED');
        if (isOfAll) throw thrown;
        return undefined;
      }
    },
  };
}
