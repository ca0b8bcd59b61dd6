import { defineProvider } from '../../provider';
import type { SenseSession } from './types';

/** Documented: "more than 5 minutes" is refused with code -38. Source: https://tkhsecurity.com/api-docs/functions/addclip/ */
const maxClipSeconds = 300;

/** VDG Sense: needs version 2.5.4; was written to the documentation of 2.7.2 and later. */
export const vdgSense = defineProvider<SenseSession | undefined>({
  id: 'vdg-sense',
  label: 'VDG Sense',
  settings: [
    { name: 'url', kind: 'url', label: 'Address', default: '', required: true, hint: 'http://server' },
    {
      name: 'auth',
      kind: 'select',
      label: 'Login',
      default: 'plain',
      choices: [
        { value: 'plain', label: 'User name and password' },
        { value: 'basic', label: 'HTTP Basic' },
        { value: 'digest', label: 'Digest (experimental)' },
        { value: 'none', label: 'None' },
      ],
    },
    {
      name: 'milliseconds',
      kind: 'boolean',
      label: 'Send milliseconds',
      default: true,
      hint: 'Turn off if the server refuses times (code -4)',
      advanced: true,
    },
    {
      name: 'sessionKeyName',
      kind: 'text',
      label: 'Session key name',
      default: 'sessionkey',
      hint: 'Name of the session key in the answer to a login',
      advanced: true,
    },
    {
      name: 'deleteMethod',
      kind: 'select',
      label: 'Delete clips with',
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
      hint: 'Of downloadClip and deleteClip',
      advanced: true,
    },
    {
      name: 'serverIdName',
      kind: 'text',
      label: 'Server id parameter',
      default: 'serverid',
      hint: 'Of downloadClip and deleteClip',
      advanced: true,
    },
    {
      name: 'digestNonce',
      kind: 'text',
      label: 'Digest nonce',
      default: '',
      hint: 'Digest login only: issued by the vendor, with a secret',
      advanced: true,
    },
  ],
  credentials: {
    username: { label: 'User name' },
    password: { label: 'Password' },
    token: { label: 'Digest secret', hint: 'Digest login only: issued by the vendor' },
  },
  clipOptions: [
    {
      name: 'imageWidth',
      kind: 'number',
      label: 'Image width (px)',
      default: '',
      min: 128,
      max: 16384,
      hint: 'Empty: as recorded. Scaling takes the server longer',
    },
    { name: 'imageHeight', kind: 'number', label: 'Image height (px)', default: '', min: 128, max: 16384 },
    {
      name: 'vca',
      kind: 'select',
      label: 'Draw analytics',
      default: '',
      choices: [
        { value: '', label: 'Default of the server' },
        { value: 'none', label: 'None' },
        { value: 'alarms', label: 'Alarms' },
        { value: 'objects', label: 'Objects' },
        { value: 'all', label: 'All' },
      ],
    },
  ],
  maxClipSeconds: () => maxClipSeconds,
  exportsToServer: true,
  cameraProblem: (camera) =>
    /^-?\d{1,20}\/-?\d{1,20}$/.test(camera)
      ? undefined
      : 'a VDG Sense camera is "serverid/deviceid", two whole numbers',
  // Same server, device, times and image size: the first clip is returned again.
  // Source: https://tkhsecurity.com/api-docs/functions/addclip/
  idempotentCreate: true,
  open: async (config) => (require('./clips') as typeof import('./clips')).openSense(config),
});
