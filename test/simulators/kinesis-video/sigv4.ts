/**
 * AWS Signature Version 4, checked as the service does.
 * Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
import { createHash, createHmac } from 'node:crypto';
import type { RecordedRequest } from '../http-server';
import type { AccessKey, KinesisOptions } from './options';
import { Refusal } from './replies';

const service = 'kinesisvideo';

interface Authorization {
  accessKeyId: string;
  date: string;
  region: string;
  service: string;
  signedHeaders: string[];
  signature: string;
}

/** The key that signed a request. @throws {Refusal} when it is not to be accepted */
export function authenticate(request: RecordedRequest, options: KinesisOptions, now: number): AccessKey {
  const authorization = parseAuthorization(request);
  if (!authorization) throw new Refusal(403, 'MissingAuthenticationTokenException', 'Missing Authentication Token');
  const key = options.keys.find(({ accessKeyId }) => accessKeyId === authorization.accessKeyId);
  const token = request.headers['x-amz-security-token'];
  if (!key || token !== key.sessionToken) {
    throw new Refusal(403, 'UnrecognizedClientException', 'The security token included in the request is invalid.');
  }
  if (key.expired) {
    throw new Refusal(403, 'ExpiredTokenException', 'The security token included in the request is expired');
  }
  if (options.signatures === 'ignored') return key;
  checkTime(request, authorization, options, now);
  if (authorization.region !== options.region || authorization.service !== service) {
    throw new Refusal(
      403,
      'InvalidSignatureException',
      `Credential should be scoped to a valid region and to correct service: '${service}'.`,
    );
  }
  const canonical = canonicalRequest(request, authorization.signedHeaders);
  if (sign(key, authorization, String(request.headers['x-amz-date']), canonical) !== authorization.signature) {
    // As wordy as the real one, session token included: a client must not show it.
    throw new Refusal(
      403,
      'InvalidSignatureException',
      `The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.\n\nThe Canonical String for this request should have been\n'${canonical}'\n`,
    );
  }
  return key;
}

export function parseAuthorization({ headers }: RecordedRequest): Authorization | undefined {
  const match =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
      headers.authorization ?? '',
    );
  if (!match) return undefined;
  const [, accessKeyId = '', date = '', region = '', name = '', signedHeaders = '', signature = ''] = match;
  return { accessKeyId, date, region, service: name, signedHeaders: signedHeaders.split(';'), signature };
}

function checkTime(request: RecordedRequest, { date }: Authorization, options: KinesisOptions, now: number): void {
  const text = String(request.headers['x-amz-date']);
  const at = Date.parse(text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  if (Number.isNaN(at) || !text.startsWith(date)) {
    throw new Refusal(403, 'IncompleteSignatureException', `Date must be in ISO-8601 'basic format'. Got '${text}'.`);
  }
  if (Math.abs(now - at) <= options.maxSkewMs) return;
  const ours = new Date(now).toISOString().replace(/[-:]|\.\d{3}/g, '');
  if (options.errors.skew === 'RequestExpired') throw new Refusal(400, 'RequestExpired', 'Request has expired.');
  const how =
    at < now ? `Signature expired: ${text} is now earlier than` : `Signature not yet current: ${text} is later than`;
  throw new Refusal(403, 'InvalidSignatureException', `${how} ${ours}`);
}

function canonicalRequest(request: RecordedRequest, signedHeaders: string[]): string {
  const headers = signedHeaders.map((name) => {
    const value = request.headers[name];
    return `${name}:${[value].flat().join(',').trim().replace(/ +/g, ' ')}\n`;
  });
  const query = [...request.query]
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .sort()
    .join('&');
  const bodyHash = createHash('sha256').update(request.body).digest('hex');
  return [request.method, request.path, query, headers.join(''), signedHeaders.join(';'), bodyHash].join('\n');
}

function sign(key: AccessKey, { date, region }: Authorization, time: string, canonical: string): string {
  const scope = `${date}/${region}/${service}/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', time, scope, createHash('sha256').update(canonical).digest('hex')].join('\n');
  const signingKey = [date, region, service, 'aws4_request'].reduce(
    (secret: Buffer, part) => createHmac('sha256', secret).update(part).digest(),
    Buffer.from(`AWS4${key.secretAccessKey}`),
  );
  return createHmac('sha256', signingKey).update(text).digest('hex');
}
