// Loads the AWS SDK on first use.
import { ClipError } from '../../errors';

const controlPackage = '@aws-sdk/client-kinesis-video';
const mediaPackage = '@aws-sdk/client-kinesis-video-archived-media';

/** The two clients of the AWS SDK: for streams, and for what is recorded of them. */
export interface KinesisSdk {
  control: typeof import('@aws-sdk/client-kinesis-video');
  media: typeof import('@aws-sdk/client-kinesis-video-archived-media');
}

/** @throws EUNSUPPORTED naming what to install: the SDK is an optional dependency */
export function loadSdk(load: (name: string) => unknown = require): KinesisSdk {
  try {
    return {
      control: load(controlPackage) as KinesisSdk['control'],
      media: load(mediaPackage) as KinesisSdk['media'],
    };
  } catch (thrown) {
    const { code, message } = thrown as NodeJS.ErrnoException;
    const why = code === 'MODULE_NOT_FOUND' ? 'is not installed' : `cannot be loaded (${message.split('\n')[0]})`;
    throw new ClipError(
      'EUNSUPPORTED',
      `Amazon Kinesis Video Streams needs the AWS SDK, which ${why}. Run "npm install ${controlPackage} ${mediaPackage}" in the user directory of Node-RED, and restart it`,
    );
  }
}
