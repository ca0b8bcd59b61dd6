// Registers the admin routes that answer dialogs while someone types: file names, ffmpeg, limits.
import { expandFilename, type NamedClip } from '../../files/filename';
import { toClipError } from '../../errors';
import { ffmpegVersion } from '../../ffmpeg/find';
import { readFields } from '../../fields';
import { allProviders } from '../connections';
import { registerPost } from './post';
import type { AdminRequest, AdminResponse } from '../node-red';
import type { Runtime } from '../runtime';

/** An answer, or why there is none. */
type Preview<Answer> = Answer | { error: { code: string; message: string } };

/** As a clip of the examples is called. */
const sampleClip: NamedClip = {
  provider: 'vdg-sense',
  id: '8070450532247928833',
  camera: '6917529027641081901/2',
  cameraName: 'Dock 1',
  start: '2026-03-01T08:50:00.000Z',
  end: '2026-03-01T08:50:30.000Z',
  title: 'Alarm',
  ref: { event: '8070450532247928001', label: 'person' },
};

const longestTemplate = 4096;
/** ffmpeg is rarely installed, and dialogs are opened often. */
const rememberMs = 20_000;

/**
 * `POST /video-clips/filename {template}` -> `{path}`; `GET /video-clips/ffmpeg` -> `{path, version}`. Where there is none:
 * `{error: {code, message}}`.
 */
export function registerDownloadPreviewRoutes(runtime: Runtime): void {
  const { RED, clock } = runtime;
  const mayRead = RED.auth.needsPermission('download-clip.read');
  registerPost(RED, '/video-clips/filename', mayRead, (request: AdminRequest, response: AdminResponse) => {
    const { template } = readBody(request);
    if (typeof template !== 'string' || template.length > longestTemplate) return response.sendStatus(400);
    response.json(previewFilename(template, runtime.fileFolder));
  });

  let asked: { at: number; answer: ReturnType<typeof previewFfmpeg> } | undefined;
  RED.httpAdmin.get('/video-clips/ffmpeg', mayRead, (_request: AdminRequest, response: AdminResponse) => {
    const now = clock.steadyNow();
    if (!asked || now - asked.at > rememberMs) asked = { at: now, answer: previewFfmpeg(runtime) };
    void asked.answer.then((answer) => response.json(answer));
  });
}

/** `POST /video-clips/longest-clip {provider, settings}` -> `{seconds}`, which is missing where there is no such limit. */
export function registerLongestClipRoute(runtime: Runtime): void {
  const { RED } = runtime;
  const mayRead = RED.auth.needsPermission('create-clip.read');
  registerPost(RED, '/video-clips/longest-clip', mayRead, (request: AdminRequest, response: AdminResponse) => {
    const { provider, settings } = readBody(request);
    response.json(longestClip(runtime, provider, settings));
  });
}

/** File name of a sample clip by the template. */
function previewFilename(template: string, folder: string): Preview<{ path: string }> {
  try {
    return { path: expandFilename(template, sampleClip, { folder }) };
  } catch (thrown) {
    return { error: readError(thrown) };
  }
}

/** Never rejects. */
async function previewFfmpeg(runtime: Runtime): Promise<Preview<{ path: string; version: string }>> {
  try {
    const path = await runtime.findFfmpeg();
    return { path, version: await ffmpegVersion(path) };
  } catch (thrown) {
    return { error: readError(thrown) };
  }
}

function longestClip(runtime: Runtime, provider: unknown, settings: unknown): { seconds?: number } {
  const definition = allProviders(runtime).find(({ id }) => id === provider);
  try {
    const seconds = definition?.maxClipSeconds?.(readFields(definition.settings, settings));
    return seconds === undefined ? {} : { seconds };
  } catch {
    // Settings that do not hold, or that hold variables: it is known only once the connection runs.
    return {};
  }
}

function readError(thrown: unknown): { code: string; message: string } {
  const { code, message } = toClipError(thrown);
  return { code, message };
}

function readBody({ body }: AdminRequest): Record<string, unknown> {
  return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
}
