// Replies of the VDG Sense API as XML documents, and what else may come in their place.
import { ClipError, reasonFirst } from '../../errors';
import type { HttpReply } from '../../net/http';
import { parseXml, parseXmlList, type XmlElement } from '../../net/xml';

/** Beginning of an XML document. */
export const prolog = '<?xml version="1.0" encoding="UTF-8"?>\n';
export const xmlHeaders = { 'Content-Type': 'text/xml; charset=utf-8' };

/** Elements that an answer may list by the thousand. */
export interface ListedItems {
  name: string;
  /** Those that hold none of these values need not be read. */
  wanted?: ReadonlySet<string>;
}

/** `undefined` for an empty reply. @throws EPROTOCOL for what is no document of the API */
export async function readXml(
  reply: HttpReply,
  action: string,
  hasSession = false,
  items?: ListedItems,
): Promise<XmlElement | undefined> {
  if (reply.text.trim() === '') return undefined;
  if (isPage(reply.text)) throw notTheApi(action, 'html', hasSession);
  try {
    return items === undefined ? parseXml(reply.text) : await parseXmlList(reply.text, items.name, items.wanted);
  } catch (error) {
    throw new ClipError('EPROTOCOL', reasonFirst((error as Error).message, action), { sessionExpired: hasSession });
  }
}

/** The document in a reply of any status; `undefined` where there is none. */
export function readResult({ text }: HttpReply): XmlElement | undefined {
  try {
    return isPage(text) ? undefined : parseXml(text);
  } catch {
    return undefined;
  }
}

export function isPage(text: string): boolean {
  return /^(\uFEFF|\s)*(<!doctype html|<html)/i.test(text);
}

/** The envelope is documented as `result`; for single answers and lists it may be missing. */
export function isAnswer({ name }: XmlElement): boolean {
  return /^(result|(clip|device|export|event)s?)$/.test(name);
}

/** A page in place of a result may be a login page: a fresh session is worth one try. */
export function notTheApi(action: string, what: string | undefined, hasSession: boolean): ClipError {
  const message = reasonFirst(
    `the server answered with ${what ? `<${what}>` : 'nothing'} where a result was expected`,
    action,
    'Check that the address is the one of the VDG Sense API',
  );
  return new ClipError('EPROTOCOL', message, { sessionExpired: hasSession });
}
