// Real answers whose values are made something else, or whose texts hold what steers a terminal.
import { distort, escapeTexts, garbage, notVideo } from '../../contract/distortions';
import { changed, instead, notAtDownload, type Family, type Fault } from '../fault';

/** So many of the distortions of an answer are tried at each step: another choice for each. */
const tries = 16;

export const values: Family = {
  name: 'odd values',
  faults: Array.from({ length: tries }, (_, index): Fault => ({
    name: `odd values ${index + 1}`,
    isAt: notAtDownload,
    meet: changed(({ body }, { variant }) => {
      const all = distort(body.toString());
      const [, text] =
        all[(index * Math.ceil(all.length / tries) + (variant % Math.ceil(all.length / tries))) % all.length]!;
      return { body: Buffer.from(text) };
    }),
  })),
};

export const rubbish: Family = {
  name: 'answers that are none',
  faults: [
    ...garbage()
      .filter(([name]) => !name.startsWith('a pause'))
      .map(([name, { status, headers = {}, body }]): Fault => ({
        name,
        isAt: (step) => step !== 'check' && step !== 'push',
        meet: instead(status, headers, body),
      })),
    ...notVideo().map(([name, { status, headers = {}, body }]): Fault => ({
      name,
      isAt: (step) => step === 'download',
      meet: instead(status, headers, Buffer.from(body, 'latin1')),
    })),
  ],
};

/** What must never reach a message, a log, a status or a terminal. */
const escapes: Record<string, string> = {
  'colours of a terminal': '\u001b[31;1mred\u001b[0m',
  'the title of a window': '\u001b]0;forged\u0007',
  'a cleared screen': '\u001b[2J\u001b[H',
  'forged lines of a log': '\r\n30 Nov 12:00:00 - [error] forged\n',
  'control characters of C1': '\u009b31m\u0085\u0090',
  'NUL and friends': '\u0000\u0001\u0008\u007f',
  'text that turns its direction': '\u202egpj.4pm\u2066x\u2069',
  'what cannot be seen': '\u200b\u200d\ufeff\u2060',
  'line separators': '\u2028\u2029',
  'half characters': '\ud800x\udc00',
  'very much text': 'long '.repeat(30_000),
};

export const texts: Family = {
  name: 'control characters in texts',
  faults: Object.entries(escapes).flatMap(([name, text]): Fault[] => [
    {
      name: `${name}, in texts`,
      isAt: notAtDownload,
      // In all of them, or in one: where all are odd, only the first is ever looked at.
      meet: changed(({ body }, { variant }) => ({
        body: Buffer.from(escapeTexts(body.toString(), text, variant % 3 === 0 ? undefined : variant)),
      })),
    },
    {
      name: `${name}, in a refusal`,
      meet({ send, variant }) {
        const status = [400, 403, 404, 409, 422, 500][variant % 6]!;
        send({ status, headers: { 'content-type': 'application/json' }, body: Buffer.from(refusals(text, variant)) });
      },
    },
  ]),
};

function refusals(text: string, variant: number): string {
  const said = `It is${text}so`;
  const forms = [
    JSON.stringify({ message: said, error: said, errors: { field: [said] }, errorMsg: said, __type: said, code: said }),
    JSON.stringify({ error: { code: said, message: said, details: said }, detail: [{ msg: said, loc: [said] }] }),
    `<result errorcode="-17"><description>${said}</description></result>`,
    `<html><head><title>${said}</title></head><body><h1>${said}</h1></body></html>`,
    said,
  ];
  return forms[variant % forms.length]!;
}
