// Defines the provider for Rhombus: its settings, credentials and camera ids.
import { defineProvider } from '../../provider';

/** The example value of getMaxSpliceDuration, and what the vendor's own client allows. Organisations may have less. */
const maxClipSeconds = 3600;

/** Rhombus: the cloud API. */
export const rhombus = defineProvider<undefined>({
  id: 'rhombus',
  label: 'Rhombus',
  docs: 'https://apidocs.rhombussystems.com/docs/authentication',
  settings: [
    {
      name: 'region',
      kind: 'select',
      label: 'Region',
      default: 'us',
      hint: 'Where the organization has its account: an API key works in one region only.',
      choices: [
        { value: 'us', label: 'United States' },
        { value: 'eu', label: 'Europe' },
        { value: 'custom', label: 'other addresses' },
      ],
    },
    {
      name: 'apiUrl',
      kind: 'url',
      label: 'API address',
      default: '',
      hint: "Instead of the region's, for example https://api2.rhombussystems.com",
      required: true,
      visibleWhen: { setting: 'region', in: ['custom'] },
    },
    {
      name: 'mediaUrl',
      kind: 'url',
      label: 'Media address',
      default: '',
      hint: "Instead of the region's, for example https://media.rhombussystems.com",
      required: true,
      visibleWhen: { setting: 'region', in: ['custom'] },
    },
    {
      name: 'pushUrl',
      kind: 'text',
      label: 'Push address',
      default: '',
      hint: "Instead of the region's, for example wss://ws.rhombussystems.com:8443/websocket",
      visibleWhen: { setting: 'region', in: ['custom'] },
    },
    {
      name: 'authScheme',
      kind: 'select',
      label: 'Kind of API key',
      default: 'api-token',
      choices: [
        { value: 'api-token', label: 'key of an organization' },
        { value: 'partner-api-token', label: 'key of a partner' },
        { value: 'api', label: 'key of an organization, with a certificate (TLS)' },
        { value: 'partner-api', label: 'key of a partner, with a certificate (TLS)' },
      ],
      advanced: true,
    },
    {
      name: 'organization',
      kind: 'text',
      label: 'Client organization',
      default: '',
      hint: 'Partner keys only: id of the organization to work for.',
      advanced: true,
      visibleWhen: { setting: 'authScheme', in: ['partner-api-token', 'partner-api'] },
    },
    {
      name: 'push',
      kind: 'boolean',
      label: 'Listen for events',
      default: true,
      hint: 'Over a WebSocket, on top of polling. Not with keys that need a certificate.',
      advanced: true,
    },
  ],
  credentials: {
    token: {
      label: 'API key',
      hint: 'From the Rhombus Console, under API Management. Its role needs the permission "Video : Share and download".',
    },
  },
  requiredCredentials: [{ anyOf: [['token']] }],
  clipOptions: [
    {
      name: 'audio',
      kind: 'boolean',
      label: 'With audio',
      default: false,
      hint: 'Where the camera has sound, and the role of the API key may use it.',
    },
    {
      name: 'visibility',
      kind: 'select',
      label: 'Visibility',
      default: 'PRIVATE',
      hint: 'Who sees the clip under Saved Clips in the Rhombus Console. Private: nobody but the owner of the API key.',
      choices: [
        { value: 'PRIVATE', label: 'private' },
        { value: 'ROLE_RESTRICTED', label: 'roles of the organization' },
        { value: 'ORG_WIDE', label: 'whole organization' },
      ],
    },
    {
      name: 'roles',
      kind: 'text',
      label: 'Roles',
      default: '',
      hint: 'Ids of the roles that may see the clip, with commas in between. The role of the API key must be one of them.',
      required: true,
      visibleWhen: { setting: 'visibility', in: ['ROLE_RESTRICTED'] },
    },
  ],
  eventKinds: [{ value: 'alert', label: 'Policy alerts' }],
  // All keys of an organisation share one limit of requests.
  eventIntervalSeconds: 15,
  maxClipSeconds: () => maxClipSeconds,
  // Documented ids have 22 characters of url-safe base64; how many they are is the vendor's business.
  cameraProblem: (camera) =>
    /^[\w-]+(\.v\d{1,2})?$/.test(camera)
      ? undefined
      : 'a Rhombus camera is its id, or "id.v0" for one of its video sensors',
  idempotentCreate: false,
  open: async (config) => (require('./clips') as typeof import('./clips')).openRhombus(config),
});
