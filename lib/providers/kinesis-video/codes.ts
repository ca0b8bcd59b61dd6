// Maps the error names of AWS to our codes, with advice.
import type { ErrorCode, ErrorDetails } from '../../errors';
import { proxyLoginAdvice } from '../../net/status';

export interface Rule {
  code: ErrorCode;
  names: string[];
  advice?: string;
  details?: ErrorDetails;
  /** Is what AWS says left out? With signatures it repeats what was signed, session token included. */
  silent?: boolean;
  /** May fresh credentials help? */
  renew?: boolean;
}

/**
 * Sources: https://docs.aws.amazon.com/kinesisvideostreams/latest/dg/API_reader_GetClip.html and
 * https://docs.aws.amazon.com/kinesisvideostreams/latest/dg/CommonErrors.html
 */
const rules: Rule[] = [
  {
    // The SDK does not count the first of these as throttling, and answers it with status 400.
    code: 'ETHROTTLED',
    names: [
      'ClientLimitExceededException',
      'ConnectionLimitExceededException',
      'LimitExceededException',
      'RequestLimitExceeded',
      'SlowDown',
      'Throttling',
      'ThrottlingException',
      'TooManyRequestsException',
    ],
  },
  {
    code: 'EFAILED',
    names: ['RequestExpired', 'RequestInTheFuture', 'RequestTimeTooSkewed'],
    advice: 'Set the clock of this computer',
    details: { retryable: true },
    silent: true,
  },
  {
    code: 'EAUTH',
    names: ['ExpiredToken', 'ExpiredTokenException', 'TokenRefreshRequired'],
    advice: 'The session token is no longer valid: enter fresh credentials',
    renew: true,
  },
  {
    code: 'EAUTH',
    names: [
      'IncompleteSignature',
      'IncompleteSignatureException',
      'InvalidSignatureException',
      'SignatureDoesNotMatch',
      'MissingAuthenticationToken',
      'MissingAuthenticationTokenException',
    ],
    advice: 'Check secret access key and region, and the clock of this computer',
    silent: true,
    renew: true,
  },
  {
    code: 'EAUTH',
    names: ['AuthFailure', 'InvalidAccessKeyId', 'InvalidClientTokenId', 'UnrecognizedClientException'],
    advice: 'Check access key ID and session token',
    renew: true,
  },
  // Its status is 401, and it also stands for a token that has expired.
  {
    code: 'EFORBIDDEN',
    names: ['NotAuthorizedException'],
    advice: 'Check the IAM policy of these credentials',
    renew: true,
  },
  {
    code: 'EFORBIDDEN',
    names: ['AccessDenied', 'AccessDeniedException', 'OptInRequired', 'UnauthorizedOperation'],
    advice: 'Check the IAM policy of these credentials; a new one takes a moment to count',
  },
  {
    code: 'ENOTFOUND',
    names: ['NoDataRetentionException'],
    advice: 'The stream keeps nothing: raise its data retention',
  },
  { code: 'ENOTFOUND', names: ['ResourceNotFoundException'] },
  {
    code: 'EFAILED',
    names: ['InvalidCodecPrivateDataException', 'MissingCodecPrivateDataException'],
    advice: 'Codec, resolution or tracks must not change within a clip: ask for less, or correct what the camera sends',
  },
  {
    code: 'EFAILED',
    names: ['InvalidMediaFrameException'],
    advice: 'A frame in this range is damaged: ask for another range',
  },
  {
    code: 'EUNSUPPORTED',
    names: ['UnsupportedStreamMediaTypeException'],
    advice: 'Clips need H.264 with AAC or G.711 A-law audio, or H.265 with AAC',
  },
  {
    code: 'EINVALID',
    names: ['EndpointError'],
    advice: 'Check region and endpoint of the connection',
  },
  {
    code: 'EINVALID',
    names: ['IllegalArgumentException', 'InvalidArgumentException', 'ValidationException'],
  },
];

export function ruleFor(name: string): Rule | undefined {
  return rules.find(({ names }) => names.includes(name));
}

/** For names that nobody knows. */
export function statusRule(status: number): Rule {
  const names: string[] = [];
  if (status === 401 || status === 403)
    return { names, code: 'EFORBIDDEN', advice: 'Check the IAM policy of these credentials' };
  if (status === 404) return { names, code: 'ENOTFOUND' };
  if (status === 407) return { names, code: 'ENETWORK', advice: proxyLoginAdvice };
  if (status === 408) return { names, code: 'ETIMEOUT' };
  if (status === 429) return { names, code: 'ETHROTTLED' };
  if (status >= 502 && status <= 504) return { names, code: 'ENETWORK' };
  if (status >= 500) return { names, code: 'EFAILED', details: { retryable: true } };
  return { names, code: 'EPROTOCOL' };
}
