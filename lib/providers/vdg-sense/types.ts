// Reads the replies of VDG Sense tolerantly: tag order is arbitrary, case is mixed, tags may be added without notice, and
// templates show trailing blanks. Source: https://tkhsecurity.atlassian.net/wiki/x/toBrIgI (Important notes).
import type { Camera, ClipStatus, ProviderClip } from '../../provider';
import { findAll, valueOf, type XmlElement } from '../../net/xml';
import { statusOfWord } from '../status-words';

export interface SenseSession {
  /** To send with every request. */
  cookies: Record<string, string>;
  /** Is the session key among them, rather than cookies of which nobody knows what they are? */
  isSure: boolean;
  /** Identifies this login without being a secret, for numbers that only hold within it. */
  mark: string;
}

export interface SenseClip extends Omit<ProviderClip, 'camera' | 'start' | 'end'> {
  serverId?: string;
  deviceId?: string;
  start?: string;
  end?: string;
}

/** Device ids are only unique on their server. */
export function splitCamera(camera: string): { serverId: string; deviceId: string } {
  const [serverId = '', deviceId = ''] = camera.split('/');
  return { serverId, deviceId };
}

/** The result code as text; `undefined` where the document has none. */
export function resultCode(root: XmlElement): string | undefined {
  return valueOf(root, 'errorcode');
}

export function isFailure(code: string | undefined): boolean {
  return code !== undefined && /^-\d+$/.test(code);
}

/**
 * The elements of a reply that are clips. A list has them as `clips/clip`; for the answer to addClip the wrapper is not published, so
 * a single `clip` and bare fields count too.
 */
export function findClips(root: XmlElement): XmlElement[] {
  const wrapped = findAll(root, 'clip');
  return wrapped.length > 0 ? wrapped : [root];
}

export function readClip(element: XmlElement): SenseClip | undefined {
  const id = valueOf(element, 'id');
  if (!id) return undefined;
  const { status, reason, vendorStatus } = readStatus(element);
  return {
    id,
    serverId: valueOf(element, 'serverid') || undefined,
    deviceId: valueOf(element, 'deviceid') || undefined,
    start: readTime(valueOf(element, 'startdate')),
    end: readTime(valueOf(element, 'enddate')),
    title: valueOf(element, 'description'),
    status,
    reason,
    ...(vendorStatus ? { vendorStatus } : {}),
    size: readCount(valueOf(element, 'filesize')),
    width: readCount(valueOf(element, 'imagewidth')),
    height: readCount(valueOf(element, 'imageheight')),
    progress: status === 'finished' ? 100 : 0,
  };
}

/**
 * The status of a clip. Documented are pending, busy, finished and failed; one page writes "failed ...", so the beginning counts.
 * A word that is not known counts as still being made, and is shown as the server has it.
 * Source: https://tkhsecurity.atlassian.net/wiki/spaces/KB/pages/9167406124/updateClip
 */
function readStatus(clip: XmlElement): { status: ClipStatus; reason?: string; vendorStatus?: string } {
  const text = (valueOf(clip, 'status') ?? '').trim();
  const status = statusOfWord(text) ?? 'busy';
  const description = statusDescription(clip);
  if (status === 'failed') return { status, reason: description || afterFailureWord(text) };
  if (text.toLowerCase() === status && !description) return { status };
  return { status, vendorStatus: [text, description && `(${description})`].filter(Boolean).join(' ') || undefined };
}

/** Text that the server wrote behind the word for a failure. */
export function afterFailureWord(text: string): string | undefined {
  return text.replace(/^[a-z]+[\s:,.-]*/i, '') || undefined;
}

/** Of the attribute beside the word. */
export function statusDescription(element: XmlElement): string | undefined {
  return element.children.find(({ name }) => name === 'status')?.attributes.description || undefined;
}

/** `yyyy-mm-dd hh:nn:ss[.zzz]`, UTC. Source: https://tkhsecurity.atlassian.net/wiki/spaces/KB/pages/9167405250/Plugin */
export function readTime(text: string | undefined): string | undefined {
  const match = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(\.\d{1,3})?/.exec(text ?? '');
  if (!match) return undefined;
  const time = new Date(`${match[1]}T${match[2]}${match[3] ?? ''}Z`);
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString();
}

/** The form that commands take; checked strictly by the server since 1.11.3. */
export function writeTime(iso: string, milliseconds: boolean): string {
  return iso.replace('T', ' ').slice(0, milliseconds ? 23 : 19);
}

/** Zero stands for "not known yet". */
function readCount(text: string | undefined): number | undefined {
  const value = /^\d{1,15}$/.test(text ?? '') ? Number(text) : 0;
  return value > 0 ? value : undefined;
}

/** Source: https://tkhsecurity.atlassian.net/wiki/spaces/KB/pages/9167406314 (getDeviceList) */
export function readCameras(root: XmlElement): Camera[] {
  const devices = findAll(root, 'device').flatMap((device) => {
    const serverId = valueOf(device, 'serverid');
    const deviceId = valueOf(device, 'deviceid');
    if (!serverId || !deviceId) return [];
    const id = `${serverId}/${deviceId}`;
    const type = (valueOf(device, 'type') ?? '').toLowerCase();
    const camera: Camera = { id, name: valueOf(device, 'name') || id, online: readOnline(valueOf(device, 'status')) };
    return { camera, isCamera: type === '' || type.includes('cam') };
  });
  const cameras = devices.filter((device) => device.isCamera);
  return (cameras.length > 0 ? cameras : devices).map((device) => device.camera);
}

/** The status words of devices are not published. */
function readOnline(status: string | undefined): boolean | undefined {
  if (/^(ok|online|active|connected)/i.test(status ?? '')) return true;
  return /(offline|lost|disconnect|error|inactive|fail)/i.test(status ?? '') ? false : undefined;
}

/**
 * The place of the session key in an answer is not published: a cookie, an element and an attribute all count, and so does what is
 * inside an element of that name. Without one, other cookies may do; zero stands for none.
 */
export function readSession(
  root: XmlElement | undefined,
  setCookies: string[],
  keyName: string,
): Pick<SenseSession, 'cookies' | 'isSure'> | undefined {
  const cookies: Record<string, string> = {};
  for (const line of setCookies) {
    const [, name, value] = /^\s*([^=;\s]+)=([^;]*)/.exec(line) ?? [];
    if (name && value) cookies[name] = value.trim();
  }
  const names = [...new Set([keyName.toLowerCase(), 'sessionkey', 'sessionid', 'session'])];
  const inCookie = Object.entries(cookies).find(([name]) => names.includes(name.toLowerCase()))?.[1];
  const key = [inCookie, ...names.map((name) => root && findKey(root, name))].find(isKey);
  // Requests carry the key as this cookie, whatever form it came in.
  if (key) return { cookies: { ...cookies, [keyName]: key, sessionkey: key }, isSure: true };
  return Object.keys(cookies).length > 0 ? { cookies, isSure: false } : undefined;
}

function findKey(element: XmlElement, name: string): string | undefined {
  const own =
    element.name === name ? [element.text, ...['key', 'id', 'value'].map((part) => valueOf(element, part))] : [];
  return (
    [...own, valueOf(element, name)].find(isKey) ?? element.children.map((child) => findKey(child, name)).find(isKey)
  );
}

function isKey(text: string | undefined): text is string {
  return text !== undefined && !/^(0|-1)?$/.test(text);
}
