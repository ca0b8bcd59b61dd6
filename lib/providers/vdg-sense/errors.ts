// Translates the result codes of VDG Sense.
import { ClipError, quoted, reasonFirst, type ErrorCode } from '../../errors';

/** Advice stands behind a full stop. */
type Meaning = readonly [code: ErrorCode, text: string, retryable?: boolean];

/**
 * The result codes of the VDG Sense API, in our codes and in words that a person can act on.
 * Source: https://tkhsecurity.atlassian.net/wiki/spaces/KB/pages/9167406859/Result+Codes and the pages of the commands.
 * Some of the published numbers carry two meanings, depending on the command.
 */
const meanings: Record<string, Meaning> = {
  '-1': ['EUNSUPPORTED', 'the server does not offer this function. It may need an API licence or a newer version'],
  '-2': ['ENOTFOUND', 'no such device. Check the camera id: serverid/deviceid'],
  '-3': ['ENOFOOTAGE', 'there is no recorded image for that time'],
  '-4': ['EINVALID', 'the server does not accept the form of the time. Try the connection without milliseconds'],
  '-5': ['EFAILED', 'the live image failed'],
  '-6': ['EFAILED', 'the recorded data failed'],
  '-7': ['EINVALID', 'the preset is out of range'],
  '-8': ['EUNSUPPORTED', 'there is no face recognition'],
  '-9': ['ENOTFOUND', 'record not found'],
  '-10': ['EINVALID', 'not enough parameters'],
  '-11': ['ENOTFOUND', 'there is no image'],
  '-12': ['ENOTFOUND', 'no such system'],
  '-13': ['ENOTFOUND', 'no such monitor'],
  '-14': ['ENOTFOUND', 'no such layout'],
  '-15': ['ENOTFOUND', 'no such panel'],
  '-16': ['ENOTFOUND', 'no such multi-layout'],
  '-17': ['ENOTFOUND', 'no such server. Check the camera id: serverid/deviceid'],
  '-18': ['EFAILED', 'general error. Details are in the log of the server', true],
  '-19': ['EUNSUPPORTED', 'the camera is not a dome'],
  '-20': ['EUNSUPPORTED', 'there is no licence plate recognition'],
  '-21': ['EFAILED', 'the device is not active in the current profile'],
  '-22': ['EINVALID', 'a value is out of range'],
  '-23': ['EINVALID', 'a value is empty'],
  '-24': ['EINVALID', 'invalid action'],
  '-25': ['ENOTFOUND', 'no such macro'],
  '-26': ['ENOTFOUND', 'no such action or video tag'],
  '-28': ['EUNSUPPORTED', 'not a client of this system'],
  '-33': ['EINVALID', 'the server id is missing'],
  '-34': ['EINVALID', 'the device id is missing'],
  '-35': ['EINVALID', 'the start is missing'],
  '-36': ['EINVALID', 'the end is missing'],
  '-37': ['EINVALID', 'the end lies before the start'],
  '-38': ['ELIMIT', 'a clip can have 5 minutes at most. Ask for a shorter one'],
  '-40': [
    'ENOTFOUND',
    'the server does not have this clip. Finished clips are removed after some days, or when space is short',
  ],
  '-48': ['ENOFOOTAGE', 'there are no recordings for that time'],
  '-53': ['EFAILED', 'the connection to the device is lost', true],
  '-57': ['EINVALID', 'a number that names the item is missing'],
  '-58': ['EINVALID', 'the item or path is not valid'],
  '-60': ['ENOSPACE', 'the server has not enough disk space'],
  '-61': ['EFAILED', 'the server cannot create the folder'],
};

/** Source: https://tkhsecurity.atlassian.net/wiki/spaces/KB/pages/9750675457/exportVideo */
const meaningsOfExport: Record<string, Meaning> = {
  '-1': ['EUNSUPPORTED', 'the server does not offer exports. They need VDG Sense 2.7.3 and an API licence'],
  '-4': ['EINVALID', 'the server does not accept the form of the times'],
  '-57': ['EINVALID', 'the export id is missing'],
  '-58': ['EINVALID', 'there is no such path on the server. Check its drive, and that the server may write there'],
  '-60': ['ENOSPACE', 'the server has not enough disk space for the export'],
  '-61': ['EFAILED', 'the server cannot create the folder. Check that it may write there'],
};

/** Source: https://tkhsecurity.atlassian.net/wiki/spaces/KB/pages/9167405694/getEvents */
const meaningsOfEvents: Record<string, Meaning> = {
  '-1': ['EUNSUPPORTED', 'the server does not offer its events. They need an API licence'],
};

/** Numbers that mean something else, or more, for one command. */
const meaningsOfCommand: Record<string, Record<string, Meaning>> = {
  exportVideo: meaningsOfExport,
  getExportVideoStatus: meaningsOfExport,
  getEvents: meaningsOfEvents,
  customMessage: {
    '-57': ['EINVALID', 'the index is missing'],
    '-58': ['EINVALID', 'the index is not valid'],
  },
};

/** Codes that the commands for clips and exports document mean that, whatever words stand beside them: a title, a path. */
const beyondDoubt = new Set('-2 -4 -17 -33 -34 -35 -36 -37 -38 -40 -48 -57 -58 -60 -61'.split(' '));

export function isBeyondDoubt(code: string): boolean {
  return beyondDoubt.has(code);
}

/**
 * Codes that say nothing about the request itself. The published list has none for a session that has ended, so on a session
 * that has worked one of these is as likely to mean that; the same request after a fresh login tells.
 */
const generalCodes = new Set('-1 -9 -10 -18'.split(' '));

/** The commands of which the page is not public: the names of their parameters are settings of the connection. */
const commandsWithSettings = new Set(['downloadClip', 'deleteClip']);
const parameterAdvice =
  'Its documentation is not public: set "Clip id parameter" and "Server id parameter" of the connection to what the server expects';

export function isGeneral(code: string): boolean {
  return generalCodes.has(code);
}

/** Words of a server that does not know the session; which number goes with them is not published. */
const loginWanted = /log(ged)?[ -]?(in|on)\b|session|authenti|not authori[sz]ed|unauthori[sz]ed|credential/i;

/**
 * @param description what the server wrote beside the number
 * @param hasSession whether the request went out under a login: then a refusal may only mean that the session has ended
 * @param hasWorked whether that session has carried out commands before: then general codes may mean the same
 */
export function resultError(
  command: string,
  code: string,
  description: string,
  action: string,
  hasSession: boolean,
  hasWorked = false,
): ClipError {
  const said = description ? ` ("${quoted(description)}")` : '';
  const meaning = meaningsOfCommand[command]?.[code] ?? meanings[code];
  if (loginWanted.test(description) && !beyondDoubt.has(code)) {
    const message = reasonFirst(
      `the server wants a login${said}, code ${code}`,
      action,
      'Check the login method of the connection',
    );
    return new ClipError('EAUTH', message, { vendorCode: code, sessionExpired: hasSession });
  }
  if (!meaning) {
    const message = reasonFirst(`the server answered with code ${code}${said}, which is not documented`, action);
    return new ClipError('EFAILED', message, { vendorCode: code, sessionExpired: hasSession });
  }
  const [ourCode, text, retryable] = meaning;
  const [why, ...advice] = text.split('. ');
  if (code === '-10' && commandsWithSettings.has(command)) advice.push(parameterAdvice);
  return new ClipError(ourCode, reasonFirst(`${why}${said}, code ${code}`, action, advice.join('. ')), {
    vendorCode: code,
    retryable,
    inconclusive: isGeneral(code),
    sessionExpired: isGeneral(code) && hasSession && hasWorked,
  });
}
