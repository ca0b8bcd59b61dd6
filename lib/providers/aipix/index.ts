// Defines the provider for Aipix: its settings, credentials and camera ids.
import { lenientField } from '../../fields';
import { defineProvider } from '../../provider';
import type { AipixSession } from './types';

/** Aipix VMS: written to the documentation of releases 23.09 to 25.06. */
export const aipix = defineProvider<AipixSession>({
  id: 'aipix',
  label: 'Aipix',
  docs: 'https://docs.aipix.ai/en/start/aipix-24.03/validation-vms-client-api',
  settings: [
    {
      name: 'url',
      kind: 'url',
      label: 'Address',
      default: '',
      required: true,
      hint: 'For example https://vms.example',
    },
    {
      name: 'api',
      kind: 'select',
      label: 'API',
      default: 'client',
      choices: [
        { value: 'client', label: 'users' },
        { value: 'admin', label: 'administrators (hardly documented)' },
      ],
      advanced: true,
    },
    {
      name: 'push',
      kind: 'boolean',
      label: 'Listen for finished clips',
      default: true,
      hint: 'Over a WebSocket, on top of polling.',
      advanced: true,
    },
    {
      name: 'clientType',
      kind: 'text',
      label: 'Client type',
      default: 'web',
      hint: 'What the server takes this for (X-Client): web, thick-legal, ios-cctv, android-cctv.',
      advanced: true,
    },
    {
      name: 'cameraField',
      kind: 'text',
      label: 'Camera field',
      default: 'ids',
      hint: 'What names the camera in a request for a clip: not published for the API of administrators.',
      advanced: true,
    },
    {
      name: 'maxClip',
      kind: 'number',
      label: 'Longest clip (s)',
      default: 600,
      min: 1,
      hint: "The limit of the server is not published; the vendor's own apps keep to 600.",
      advanced: true,
    },
    lenientField,
  ],
  credentials: {
    username: { label: 'Login' },
    password: { label: 'Password' },
    token: { label: 'Token', hint: 'Instead of login and password.' },
  },
  requiredCredentials: [{ anyOf: [['username', 'password'], ['token']] }],
  clipOptions: [],
  eventKinds: [
    { value: 'analytics', label: 'Analytics' },
    { value: 'mark', label: 'Marks' },
  ],
  eventIntervalSeconds: 15,
  maxClipSeconds: ({ maxClip }) => (typeof maxClip === 'number' ? maxClip : undefined),
  // The vendor's ids are whole numbers; some of its newer calls name cameras by UUID.
  cameraProblem: (camera) =>
    /^[\w.-]{1,64}$/.test(camera) ? undefined : 'an Aipix camera id is a whole number, such as "12"',
  // Each request makes another record. Source: https://docs.aipix.ai/en/start/aipix-23.09/archive-generation
  idempotentCreate: false,
  open: async (config) => (require('./clips') as typeof import('./clips')).openAipix(config),
});
