'use strict';
const { defineProvider } = require('@vms-nodes/node-red-video-clips/provider');

const definition = defineProvider({
  id: 'sample',
  label: 'Sample Video',
  settings: [
    { name: 'url', kind: 'url', label: 'Address', default: '', required: true, hint: 'http://server' },
    {
      name: 'quality',
      kind: 'select',
      label: 'Quality',
      default: 'high',
      choices: [
        { value: 'high', label: 'High' },
        { value: 'low', label: 'Low' },
      ],
      advanced: true,
    },
  ],
  credentials: { token: { label: 'API key', hint: 'Of a user who may export' } },
  requiredCredentials: [{ anyOf: [['token']] }],
  clipOptions: [{ name: 'watermark', kind: 'boolean', label: 'Watermark', default: false }],
  exportsToServer: true,
  eventKinds: [
    { value: 'alarm', label: 'Alarms' },
    { value: 'motion', label: 'Motion' },
  ],
  eventIntervalSeconds: 5,
  maxClipSeconds: () => 120,
  cameraProblem: (camera) => (/^cam-\d+$/.test(camera) ? undefined : 'a camera of Sample Video is "cam-" and a number'),
  idempotentCreate: false,
  // Only when a connection is used for the first time is more than this file loaded.
  open: async (config) => require('./provider').openProvider(config),
});

module.exports = (RED) => {
  RED.plugins.registerPlugin('clips-sample', { type: 'clip-provider', definition });
};
module.exports.definition = definition;
