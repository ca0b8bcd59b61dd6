// Defines the provider for Kinesis Video Streams: its settings, credentials and camera ids.
import { defineProvider } from '../../provider';
import { cameraProblem } from './camera';
import type { KinesisSession } from './login';

/**
 * A clip has at most 200 fragments, of at most 20 s each: more footage than this never fits. How much does fit depends on
 * the camera, and is known when a clip is planned. Source: https://docs.aws.amazon.com/kinesisvideostreams/latest/dg/limits.html
 */
const maxClipSeconds = 200 * 20;

/** Source: https://docs.aws.amazon.com/general/latest/gr/akv.html */
const regions = [
  ...['us-east-1', 'us-east-2', 'us-west-2', 'ca-central-1', 'sa-east-1'],
  ...['eu-central-1', 'eu-west-1', 'eu-west-2', 'eu-west-3', 'af-south-1'],
  ...['ap-south-1', 'ap-east-1', 'ap-southeast-1', 'ap-southeast-2', 'ap-northeast-1', 'ap-northeast-2'],
];

export const kinesisVideo = defineProvider<KinesisSession>({
  id: 'kinesis-video',
  label: 'Amazon Kinesis Video Streams',
  docs: 'https://docs.aws.amazon.com/kinesisvideostreams/latest/dg/how-iam.html',
  settings: [
    {
      name: 'region',
      kind: 'text',
      label: 'AWS Region',
      default: '',
      suggestions: regions,
      hint: 'For example eu-west-1. Empty: as configured for AWS on this computer.',
    },
    {
      name: 'timestamps',
      kind: 'select',
      label: 'Timestamps',
      default: 'PRODUCER_TIMESTAMP',
      choices: [
        { value: 'PRODUCER_TIMESTAMP', label: "producer timestamps (the camera's clock)" },
        { value: 'SERVER_TIMESTAMP', label: 'server timestamps (the clock of AWS)' },
      ],
      hint: 'Server timestamps tell when footage arrived at AWS: for cameras whose clock is wrong.',
    },
    {
      name: 'profile',
      kind: 'text',
      label: 'Profile',
      default: '',
      hint: 'Named profile of the AWS configuration on this computer. Not together with an access key.',
      advanced: true,
    },
    {
      name: 'endpoint',
      kind: 'url',
      label: 'Endpoint URL',
      default: '',
      hint: 'Empty: AWS. Otherwise an address that speaks its protocol.',
      advanced: true,
    },
  ],
  credentials: {
    username: { label: 'Access key ID', hint: 'All three empty: the default credentials of this computer.' },
    password: { label: 'Secret access key' },
    token: { label: 'Session token', hint: 'Temporary credentials only.' },
  },
  clipOptions: [],
  maxClipSeconds: () => maxClipSeconds,
  eventKinds: [{ value: 'footage', label: 'Footage' }],
  eventIntervalSeconds: 30,
  cameraProblem,
  // AWS keeps no clips: the same request plans the same clip, under the same id.
  idempotentCreate: true,
  open: async (config) => (require('./clips') as typeof import('./clips')).openKinesis(config),
});
