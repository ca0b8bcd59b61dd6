// Declares Frigate: its settings, credentials and limits.
import { lenientField } from '../../fields';
import { defineProvider } from '../../provider';
import { cameraProblem } from './cameras';
import type { FrigateSession } from './types';

/** Longer exports are widened to whole segments. Source: MAX_PLAYLIST_SECONDS of Frigate */
const longestExactClip = 7200;

/** Frigate 0.16 and later. */
export const frigate = defineProvider<FrigateSession | undefined>({
  id: 'frigate',
  label: 'Frigate',
  docs: 'https://docs.frigate.video/configuration/authentication',
  settings: [
    {
      name: 'url',
      kind: 'url',
      label: 'Address',
      default: 'http://frigate.local:5000',
      required: true,
      hint: 'Port 5000 in a trusted network; https and port 8971 with user name and password; the Home Assistant app: http://ccab4aaf-frigate:5000',
    },
    {
      name: 'margin',
      kind: 'number',
      label: 'Earlier start (s)',
      default: 0,
      min: 0,
      max: 60,
      hint: 'Clips begin this much earlier. Frigate 0.16 cuts late: there it is at least 2.',
      advanced: true,
    },
    {
      name: 'maxClip',
      kind: 'number',
      label: 'Longest clip (s)',
      default: 3600,
      min: 1,
      max: longestExactClip,
      hint: 'Longer exports can fail in Frigate, above all with short segments.',
      advanced: true,
    },
    {
      name: 'push',
      kind: 'boolean',
      label: 'Listen for finished clips',
      default: true,
      hint: 'Over a WebSocket, on top of polling. Frigate 0.18 and later.',
      advanced: true,
    },
    lenientField,
  ],
  credentials: {
    username: { label: 'User name', hint: 'For port 8971. User name and password empty: port 5000.' },
    password: { label: 'Password' },
    token: { label: 'Bearer token', hint: 'Instead of user name and password.' },
  },
  clipOptions: [],
  eventKinds: [
    { value: 'review', label: 'Review items' },
    { value: 'object', label: 'Tracked objects' },
  ],
  eventIntervalSeconds: 10,
  maxClipSeconds: ({ maxClip }) => (typeof maxClip === 'number' ? maxClip : undefined),
  cameraProblem,
  // Each request makes another export.
  idempotentCreate: false,
  open: async (config) => (require('./clips') as typeof import('./clips')).openFrigate(config),
});
