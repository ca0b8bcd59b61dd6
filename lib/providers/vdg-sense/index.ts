// Defines the provider for VDG Sense: its settings, credentials and camera ids.
import { lenientField } from '../../fields';
import { defineProvider } from '../../provider';
import type { SenseSession } from './types';

/** Documented: "more than 5 minutes" is refused with code -38. Source: https://tkhsecurity.com/api-docs/functions/addclip/ */
const maxClipSeconds = 300;

const withLogin = { setting: 'auth', in: ['plain', 'basic', 'digest'] };

/** VDG Sense: needs version 2.5.4; was written to the documentation of 2.7.2 and later. */
export const vdgSense = defineProvider<SenseSession | undefined>({
  id: 'vdg-sense',
  label: 'VDG Sense',
  docs: 'https://tkhsecurity.atlassian.net/wiki/spaces/KB/pages/9167405095/Authentication',
  settings: [
    {
      name: 'url',
      kind: 'url',
      label: 'Address',
      default: '',
      required: true,
      hint: 'Management server, for example http://sense.example',
    },
    {
      name: 'auth',
      kind: 'select',
      label: 'Login',
      default: 'plain',
      choices: [
        { value: 'plain', label: 'user and password' },
        { value: 'basic', label: 'HTTP Basic' },
        { value: 'digest', label: 'vendor digest (experimental)' },
        { value: 'none', label: 'no login' },
      ],
    },
    {
      name: 'milliseconds',
      kind: 'boolean',
      label: 'Send milliseconds in times',
      default: true,
      hint: 'Switch off when the server refuses the format of times (error -4).',
      advanced: true,
    },
    {
      name: 'sessionKeyName',
      kind: 'text',
      label: 'Session key',
      default: 'sessionkey',
      hint: 'Name under which the server hands out its session.',
      advanced: true,
    },
    {
      name: 'deleteMethod',
      kind: 'select',
      label: 'Delete with',
      hint: 'HTTP method of the deleteClip command.',
      default: 'GET',
      choices: [
        { value: 'GET', label: 'GET' },
        { value: 'DELETE', label: 'DELETE' },
      ],
      advanced: true,
    },
    {
      name: 'clipIdName',
      kind: 'text',
      label: 'Clip id parameter',
      default: 'id',
      hint: 'What downloadClip and deleteClip call the id of a clip.',
      advanced: true,
    },
    {
      name: 'serverIdName',
      kind: 'text',
      label: 'Server id parameter',
      default: 'serverid',
      hint: 'What downloadClip and deleteClip call the id of its server.',
      advanced: true,
    },
    {
      name: 'digestNonce',
      kind: 'text',
      label: 'Digest nonce',
      default: '',
      hint: 'Issued by the vendor; only for digest login.',
      visibleWhen: { setting: 'auth', in: ['digest'] },
    },
    {
      name: 'push',
      kind: 'boolean',
      label: 'Listen for events',
      default: true,
      hint: 'Over an open connection (streamEvents), on top of polling.',
      advanced: true,
    },
    lenientField,
  ],
  credentials: {
    username: { label: 'User', visibleWhen: withLogin },
    password: { label: 'Password', visibleWhen: withLogin },
    token: {
      label: 'Digest secret',
      hint: 'Issued by the vendor; only for digest login.',
      visibleWhen: { setting: 'auth', in: ['digest'] },
    },
  },
  requiredCredentials: [{ when: { setting: 'auth', in: ['plain', 'basic'] }, anyOf: [['username', 'password']] }],
  clipOptions: [
    {
      name: 'imageWidth',
      kind: 'number',
      label: 'Image width',
      default: '',
      min: 128,
      max: 16384,
      hint: 'Pixels, from 128. Empty: as recorded. Scaling takes longer.',
    },
    {
      name: 'imageHeight',
      kind: 'number',
      label: 'Image height',
      hint: 'Pixels, from 128. Empty: as recorded.',
      default: '',
      min: 128,
      max: 16384,
    },
    {
      name: 'vca',
      kind: 'select',
      label: 'VCA metadata',
      hint: 'In the clip. A request for the same camera, time and size gets the first clip again, whatever it holds.',
      default: '',
      choices: [
        { value: '', label: 'as the server has it' },
        { value: 'none', label: 'none' },
        { value: 'alarms', label: 'alarms' },
        { value: 'objects', label: 'objects' },
        { value: 'all', label: 'all' },
      ],
    },
  ],
  maxClipSeconds: () => maxClipSeconds,
  exportsToServer: true,
  // Categories of types, as `getEvents` takes them. Source: https://tkhsecurity.atlassian.net/wiki/x/B4ZrIgI
  eventKinds: [
    { value: 'Motion', label: 'Motion' },
    { value: 'Alarm', label: 'Alarms' },
    { value: 'ObjectR', label: 'Object recognition' },
    { value: 'CarR', label: 'Licence plates' },
    { value: 'FaceR', label: 'Faces' },
    { value: 'SceneR', label: 'Scene changes' },
    { value: 'Generic', label: 'Generic events' },
    { value: 'Pos', label: 'Cash registers' },
    { value: 'Connection', label: 'Connections' },
    { value: 'System', label: 'System' },
    { value: 'Other', label: 'Other' },
  ],
  eventIntervalSeconds: 10,
  cameraProblem: (camera) =>
    /^-?\d{1,20}\/-?\d{1,20}$/.test(camera)
      ? undefined
      : 'a VDG Sense camera is "serverid/deviceid", two whole numbers',
  // Same server, device, times and image size: the first clip is returned again.
  // Source: https://tkhsecurity.com/api-docs/functions/addclip/
  idempotentCreate: true,
  open: async (config) => (require('./clips') as typeof import('./clips')).openSense(config),
});
