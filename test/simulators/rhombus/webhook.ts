/** Requests that the cloud sends: what a webhook receives, signed as documented. */
import { createHmac } from 'node:crypto';

export interface WebhookRequest {
  headers: Record<string, string>;
  body: string;
}

/** An organisation's webhook: one event, HMAC-SHA1 with the text of the secret as key. */
export function organizationWebhook(event: Record<string, unknown>, secret: string): WebhookRequest {
  return signed(JSON.stringify({ version: '2', ...event }), 'sha1', secret);
}

/** The webhook action of a rule: an event per device, HMAC-SHA256, unsigned where the action has no secret. */
export function ruleWebhook(event: Record<string, unknown>, secret: string | undefined): WebhookRequest {
  const body = JSON.stringify(event);
  return secret === undefined ? { headers: jsonHeaders, body } : signed(body, 'sha256', secret);
}

const jsonHeaders = { 'content-type': 'application/json' };

function signed(body: string, algorithm: 'sha1' | 'sha256', secret: string): WebhookRequest {
  const signature = createHmac(algorithm, secret).update(body).digest('hex');
  return { headers: { ...jsonHeaders, [`x-rhombus-signature-${algorithm}`]: signature }, body };
}
