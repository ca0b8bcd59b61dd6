// Listens on the endless answer to streamEvents. How its parts are framed is not published: an event in them is news, and no more.
// Source: https://tkhsecurity.atlassian.net/wiki/spaces/KB/pages/9167405708/streamEvents
import type { Clock } from '../../async/clock';
import { stayConnected, type End } from '../../net/stay-connected';
import type { SenseApi, SenseProvider } from './api';

/** Whether the server gives signs of life is not published: a line that has been silent for so long may be broken. */
const silentMs = 5 * 60_000;
const mark = '<event';

export function watchEvents(api: SenseApi, clock: Clock): NonNullable<SenseProvider['watchEvents']> {
  return (news, call) => {
    const { signal } = call;
    const connect = async (open: () => void): Promise<End | void> => {
      const body = await api.stream('streamEvents', call, 'Listening for events');
      if (!body) return { isFinal: true };
      open();
      let cancel = (): void => undefined;
      let text = '';
      const wait = (): void => {
        cancel();
        cancel = clock.after(silentMs, () => void body.destroy());
      };
      wait();
      try {
        for await (const chunk of body) {
          wait();
          text += (chunk as Buffer).toString('latin1').toLowerCase();
          const isNews = text.includes(mark);
          // It may be cut in two.
          text = isNews ? '' : text.slice(1 - mark.length);
          if (isNews) news();
        }
      } finally {
        cancel();
      }
    };
    return stayConnected({ clock, signal, connect, again: news });
  };
}
