// The recorder of the page on writing a provider: sessions, cuts that are made after the second question, MP4.
import { startServer, type RecordedRequest, type Reply, type SimulatorServer } from './http-server';
import { mediaReply } from './media-reply';
import { makeVideo, openMedia } from './video';

export interface ToyRecorder {
  readonly server: SimulatorServer;
  /** From now on, everybody has to log in again. */
  endSessions(): void;
}

export const toyLogin = { username: 'toy', password: 'story-7f2' };

export async function startToy(): Promise<ToyRecorder> {
  let session = 0;
  const cuts: { seconds: number; asked: number }[] = [];

  const answer = (body: unknown, status = 200): Reply => ({
    status,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const told = (n: number): Reply => {
    const isDone = cuts[n]!.asked > 1;
    return answer({ n, state: isDone ? 'done' : 'working', percent: isDone ? 100 : 0 });
  };

  async function handle(request: RecordedRequest): Promise<Reply> {
    const { path, headers } = request;
    const body = JSON.parse(request.body.toString() || '{}') as Record<string, string>;
    if (path === '/login') {
      const isKnown = body.user === toyLogin.username && body.password === toyLogin.password;
      return isKnown ? answer({ session: `s${(session += 1)}` }) : answer({ why: 'unknown' }, 401);
    }
    if (headers['x-session'] !== `s${session}`) return answer({ why: 'no session' }, 401);
    if (path === '/cams') return answer([{ n: 1, name: 'Door' }, { n: 2, name: 'Yard' }]); // prettier-ignore
    if (path === '/cut') {
      cuts.push({ seconds: (Date.parse(body.to!) - Date.parse(body.from!)) / 1000, asked: 0 });
      return told(cuts.length - 1);
    }
    const [, n = '', isVideo] = /^\/cut\/(\d+)(\/video)?$/.exec(path) ?? [];
    const cut = cuts[Number(n)];
    if (!cut || n === '') return answer({ why: 'unknown' }, 404);
    cut.asked += 1;
    if (!isVideo) return told(Number(n));
    const media = await openMedia(await makeVideo({ seconds: cut.seconds, width: 320, height: 180 }));
    return mediaReply(request, media, { range: true, etag: 'strong', framing: 'length', truncateAfter: Infinity });
  }

  return { server: await startServer({ handle }), endSessions: () => void (session += 1) };
}
