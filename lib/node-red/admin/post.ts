// Registers POST routes of the admin API that pages of other sites cannot use.
import type { AdminRequest, AdminResponse, NodeRed } from '../node-red';

/** Handler of an Express route. */
export type Handler = (request: never, response: never, next: () => void) => void;

/**
 * A page of any site may have a browser send forms and plain text to a Node-RED on its user's machine or network; JSON it may
 * not, unless we agree (https://fetch.spec.whatwg.org/#cors-safelisted-request-header). Node-RED reads forms for every route,
 * so each POST of ours goes through here.
 */
export function registerPost({ httpAdmin }: NodeRed, path: string, ...handlers: Handler[]): void {
  httpAdmin.post(path, refuseOtherThanJson, ...handlers);
}

function refuseOtherThanJson(request: AdminRequest, response: AdminResponse, next: () => void): void {
  if (/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? '')) next();
  else response.sendStatus(415);
}
