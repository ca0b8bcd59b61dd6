/** Keys, what they may do, and how often. */
import type { RecordedRequest, Reply } from '../http-server';
import type { RhombusKey } from './options';
import { Refusal, throttledReply } from './replies';
import type { RhombusState } from './state';

export interface Caller {
  key: RhombusKey;
  organization: string;
}

/** Both headers are needed, on REST and on the media host alike. @throws Refusal */
export function authenticate(state: RhombusState, request: RecordedRequest): Caller {
  const { keys, wrongKey, partnerWithoutOrganization } = state.options;
  const { 'x-auth-scheme': scheme, 'x-auth-apikey': given, 'x-auth-org': organization } = request.headers;
  // Other schemes exist, but neither clips nor their files can be had with them.
  if ((scheme !== 'api-token' && scheme !== 'partner-api-token') || !given) throw new Refusal('401', '');
  const key = keys.find((candidate) => candidate.key === given && candidate.scheme === scheme);
  if (!key) {
    if (wrongKey === '401') throw new Refusal('401', '');
    throw new Refusal('403', wrongKey === 'invalid-key' ? 'Invalid api key' : 'Access Denied');
  }
  const [first = ''] = key.organizations;
  if (scheme === 'api-token') return { key, organization: first };
  if (!organization && partnerWithoutOrganization === 'first') return { key, organization: first };
  if (!key.organizations.includes(String(organization))) throw new Refusal('403', 'Access Denied');
  return { key, organization: String(organization) };
}

/** A token bucket per organisation; the answer to whoever finds it empty. */
export function throttle(state: RhombusState, { organization }: Caller): Reply | undefined {
  const { perSecond, burst, retryAfterSeconds } = state.options.rateLimit;
  if (perSecond === Infinity) return undefined;
  const now = state.now();
  const bucket = state.buckets.get(organization) ?? { tokens: burst, at: now };
  bucket.tokens = Math.min(burst, bucket.tokens + ((now - bucket.at) / 1000) * perSecond);
  bucket.at = now;
  state.buckets.set(organization, bucket);
  if (bucket.tokens < 1) return throttledReply(retryAfterSeconds);
  bucket.tokens -= 1;
  return undefined;
}
