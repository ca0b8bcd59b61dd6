// Asks once for the longest clip that the organisation may make.
import type { ClipError } from '../../errors';
import type { Call, RhombusApi } from './api';
import { readCount } from '../../net/json';

/** The longest clip in seconds, asked for once; `undefined` while the vendor does not tell. */
export function createLimit(api: RhombusApi): (call: Call) => Promise<number | undefined> {
  let asked: Promise<number | undefined> | undefined;
  const ask = async (call: Call): Promise<number | undefined> => {
    try {
      const { json } = await api.post('video/getMaxSpliceDuration', {}, call, 'Asking for the longest clip');
      return readCount(json.maxDuration);
    } catch (error) {
      const { code, retryable } = error as ClipError;
      // A cancelled caller must not spoil the answer for the others.
      if (retryable || code === 'EABORTED' || code === 'EAUTH') asked = undefined;
      if (code === 'EAUTH') throw error;
      return undefined;
    }
  };
  return (call) => (asked ??= ask(call));
}
