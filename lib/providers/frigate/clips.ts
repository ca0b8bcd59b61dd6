// Makes, follows, opens and deletes clips by means of Frigate's exports.
import { systemClock, type Clock } from '../../async/clock';
import { ClipError, reasonFirst } from '../../errors';
import { isObject, parseJson } from '../../net/json';
import { pathSegment } from '../../net/path-segment';
import { describeClip, type Clip, type Provider, type ProviderClip, type ProviderConfig } from '../../provider';
import { createAdmission } from './admission';
import { createFrigateApi, type Call } from './api';
import { listCameras } from './cameras';
import { check } from './check';
import { createCreation } from './create';
import { adminAdvice, isMissingRoute, replyError, strangeReply, vendorText } from './errors';
import { createEventList } from './events';
import { surveyFootage } from './footage';
import { createListing } from './listing';
import { createLogin } from './login';
import { openFile } from './media';
import { createStatus } from './status';
import type { FrigateSession } from './types';
import { createVersion } from './version';
import { watchEvents, watchJobs } from './watch';

const defaultConcurrent = 2;
/** The server keeps what it knows of a file for 2 minutes. Source: open_file_cache in its nginx.conf */
const fileCacheMs = 130_000;
const fileCacheRetryMs = 35_000;

export function openFrigate(config: ProviderConfig, clock: Clock = systemClock): Provider<FrigateSession | undefined> {
  const { settings, now, maxConcurrent = defaultConcurrent } = config;
  const maxClipSeconds = Number(settings.maxClip);
  const api = createFrigateApi(config);
  const versionOf = createVersion(api, now);
  const listing = createListing(api);
  const status = createStatus({ api, versionOf, listing, now });
  const listening = { api, versionOf, config, clock };
  const admission = createAdmission(api, { maxConcurrent, clock });

  return {
    ...(api.access === 'login' ? { login: createLogin(api, config) } : {}),

    ...createCreation({ api, versionOf, admission, config }),

    getClips,

    async openClip(clip, call) {
      const action = `Downloading the clip of ${describeClip(clip)}`;
      // The file is not touched before its row says that it is finished: the server would remember how it was then.
      const row = await status.row(clip.id, call, action);
      if (!row) {
        const code = clip.status === 'finished' ? 'EEXPIRED' : 'ENOTFOUND';
        throw new ClipError(
          code,
          reasonFirst('Frigate does not have the clip', action, 'It may have been deleted there: create it again'),
        );
      }
      const { file: name } = row;
      if (row.isRunning || !name) {
        throw new ClipError(
          'EFAILED',
          reasonFirst('Frigate is still making the clip', action, 'Wait for it with poll-clip first'),
          {
            retryable: true,
          },
        );
      }
      const size = clip.size ?? (await listing.read(call))?.get(name)?.size;
      const stale = (problem: string): Promise<ClipError> => staleFile(clip, name, reasonFirst(problem, action), call);
      return openFile(api, { name, action, stale, ...(size === undefined ? {} : { size }) }, call);
    },

    async deleteClip(clip, call) {
      const action = `Deleting the clip of ${describeClip(clip)}`;
      const { hasQueue } = await versionOf(call);
      const reply = await api.send(
        hasQueue
          ? { method: 'POST', path: '/api/exports/delete', body: { ids: [clip.id] }, action }
          : { method: 'DELETE', path: `/api/export/${pathSegment(clip.id, 'The id of the clip')}`, action },
        call,
      );
      const said = vendorText(reply.text);
      const vendorCode = `HTTP ${reply.status}`;
      if (reply.status === 403 && said) {
        throw new ClipError('EFORBIDDEN', reasonFirst(said, action, adminAdvice), { vendorCode });
      }
      if (reply.status === 400 && /in.progress/i.test(said)) {
        throw new ClipError('EFAILED', reasonFirst(said, action), { vendorCode, retryable: true });
      }
      // Another version has been installed since it was asked for.
      if (isMissingRoute(reply)) versionOf.forget();
      const problem = replyError(reply, action, api.access);
      if (problem?.code === 'ENOTFOUND') return;
      if (problem) throw problem;
      const isSaid = reply.text.trim() === '' || isObject(parseJson(reply.text));
      if (!isSaid) throw strangeReply(reply.text, action);
    },

    listCameras: (call) => listCameras(api, call),

    surveyFootage: (camera, range, call) => surveyFootage(api, { camera, range, maxClipSeconds, now: now() }, call),

    check: (call) => check(api, { versionOf, now }, call),

    listEvents: createEventList(api, now),

    ...(settings.push === true ? { watch: watchJobs(listening), watchEvents: watchEvents(listening) } : {}),

    async close() {
      api.close();
    },
  };

  async function getClips(clips: Clip[], call: Call): Promise<(ProviderClip | undefined)[]> {
    const answers = await status.askMany(clips, call);
    answers.forEach((answer, index) => {
      if (!answer || answer.status === 'finished' || answer.status === 'failed') admission.ended(clips[index]!.id);
    });
    return answers;
  }

  /** An answer in place of the file passes with the server's file cache, unless the file is not there. */
  async function staleFile(clip: Clip, name: string, problem: string, call: Call): Promise<ClipError> {
    const files = await listing.read(call);
    const file = files?.get(name);
    if (files && !file) {
      return new ClipError('EEXPIRED', `${problem}. The file is not in the folder of exports any more`);
    }
    const finishedAt = Date.parse(clip.ref?.finishedAt ?? '') || file?.modifiedAt;
    const retryable = finishedAt !== undefined && now() - finishedAt < fileCacheMs;
    const advice = retryable
      ? 'The server keeps what it knows of a file for two minutes'
      : 'Check that the address of the connection leads to Frigate without a cache in between';
    return new ClipError('EINCOMPLETE', `${problem}. ${advice}`, {
      retryable,
      ...(retryable ? { retryAfterMs: fileCacheRetryMs } : {}),
    });
  }
}
