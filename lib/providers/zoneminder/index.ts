// Defines the provider for ZoneMinder: its settings, credentials and camera ids.
import { lenientField } from '../../fields';
import { defineProvider } from '../../provider';
import type { ZoneMinderSession } from './types';

export const zoneMinder = defineProvider<ZoneMinderSession>({
  id: 'zoneminder',
  label: 'ZoneMinder',
  docs: 'https://zoneminder.readthedocs.io/en/stable/api.html',
  settings: [
    {
      name: 'url',
      kind: 'url',
      label: 'Address',
      default: '',
      required: true,
      hint: 'With the path of ZoneMinder, for example http://server/zm',
    },
    {
      name: 'cut',
      kind: 'boolean',
      label: 'Cut clips to their range',
      default: true,
      hint: 'Off: whole events, as ZoneMinder recorded them.',
    },
    {
      name: 'margin',
      kind: 'number',
      label: 'Margin (s)',
      default: 2,
      min: 0,
      max: 60,
      hint: 'Kept before and after the range: ZoneMinder gives times in whole seconds.',
      advanced: true,
    },
    {
      name: 'running',
      kind: 'select',
      label: 'Events still being recorded',
      default: 'take',
      choices: [
        { value: 'take', label: 'use as soon as they cover the range' },
        { value: 'wait', label: 'wait for their end' },
      ],
      advanced: true,
    },
    {
      name: 'timezone',
      kind: 'text',
      label: 'Time zone',
      default: '',
      hint: 'Of the recorder, for example Europe/Amsterdam. Empty: as the server says.',
      advanced: true,
    },
    {
      name: 'apiUrl',
      kind: 'url',
      label: 'API address',
      default: '',
      hint: 'Empty: /api below the address.',
      advanced: true,
    },
    lenientField,
  ],
  credentials: {
    username: { label: 'User', hint: 'User and password empty: a server without login.' },
    password: { label: 'Password' },
  },
  clipOptions: [],
  eventKinds: [{ value: 'event', label: 'Events' }],
  eventIntervalSeconds: 10,
  cameraProblem: (camera) =>
    /^[1-9]\d{0,9}$/.test(camera) ? undefined : 'a ZoneMinder camera is the number of its monitor, such as "3"',
  // A clip is a plan over recorded events: creating it changes nothing on the server.
  idempotentCreate: true,
  open: async (config) => (require('./clips') as typeof import('./clips')).openZoneMinder(config),
});
