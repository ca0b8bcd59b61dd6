// Reads the name of a stream, and its region where an ARN holds it.
export interface StreamId {
  name: string;
  region?: string;
  /** Its name in requests. Whether both together are accepted is not documented, so it is one of the two. */
  key: { StreamName: string } | { StreamARN: string };
}

/** Source: https://docs.aws.amazon.com/kinesisvideostreams/latest/dg/API_StreamInfo.html */
const namePattern = /^[a-zA-Z0-9_.-]{1,256}$/;
const arnPattern = /^arn:[a-z\d-]+:kinesisvideo:([a-z0-9-]+):\d+:[a-z]+\/([a-zA-Z0-9_.-]{1,256})\/\d+$/;

export function cameraProblem(camera: string): string | undefined {
  return namePattern.test(camera) || (arnPattern.test(camera) && camera.length <= 1024)
    ? undefined
    : 'a Kinesis Video Streams camera is the name of a stream (letters, digits, "_", ".", "-"), or its ARN';
}

export function streamOf(camera: string): StreamId {
  const [, region, name] = arnPattern.exec(camera) ?? [];
  return region && name ? { name, region, key: { StreamARN: camera } } : { name: camera, key: { StreamName: camera } };
}
