/** The regional host: streams, and where their footage is. */
import type { Reply } from '../http-server';
import type { SimStream } from './fragments';
import { jsonReply, Refusal, Timestamp } from './replies';
import { checkAllowed, draw, findStream, type Asked, type KinesisState } from './state';

const apiNames = [
  'PUT_MEDIA',
  'GET_MEDIA',
  'LIST_FRAGMENTS',
  'GET_MEDIA_FOR_FRAGMENT_LIST',
  'GET_HLS_STREAMING_SESSION_URL',
  'GET_DASH_STREAMING_SESSION_URL',
  'GET_CLIP',
  'GET_IMAGES',
];

export function getDataEndpoint(state: KinesisState, { body, key }: Asked): Reply {
  const stream = findStream(state, body);
  checkAllowed(state, key, 'GetDataEndpoint', stream.arn);
  if (!apiNames.includes(String(body.APIName))) {
    throw new Refusal(400, 'InvalidArgumentException', 'APIName is not valid');
  }
  draw(state, `endpoint ${stream.name}`, 1, state.options.limits.endpointCalls);
  const { dataEndpoint, dataEndpointForm } = state.options;
  const url = dataEndpoint === 'data' ? state.dataUrl() : state.controlUrl();
  const forms = { plain: url, slash: `${url}/`, 'no-scheme': url.replace(/^https?:\/\//, ''), missing: undefined };
  return jsonReply(state.options, { DataEndpoint: forms[dataEndpointForm] });
}

export function listStreams(state: KinesisState, { body, key }: Asked): Reply {
  const { options } = state;
  checkAllowed(state, key, 'ListStreams', '*');
  const condition = body.StreamNameCondition as { ComparisonValue?: string } | undefined;
  const streams = options.streams.filter(({ name }) => name.startsWith(condition?.ComparisonValue ?? ''));
  const start = Number(Buffer.from(String(body.NextToken ?? ''), 'base64').toString() || 0);
  const end = start + Math.min(Number(body.MaxResults ?? 10_000), options.streamsPerPage);
  return jsonReply(options, {
    StreamInfoList: streams.slice(start, end).map(streamInfo),
    NextToken: end < streams.length ? Buffer.from(String(end)).toString('base64') : null,
  });
}

export function describeStream(state: KinesisState, { body, key }: Asked): Reply {
  const stream = findStream(state, body);
  checkAllowed(state, key, 'DescribeStream', stream.arn);
  return jsonReply(state.options, { StreamInfo: streamInfo(stream) });
}

function streamInfo(stream: SimStream): Record<string, unknown> {
  return {
    StreamName: stream.name,
    StreamARN: stream.arn,
    DeviceName: stream.deviceName,
    MediaType: stream.mediaType,
    KmsKeyId: 'arn:aws:kms:eu-west-1:111122223333:alias/aws/kinesisvideo',
    Version: 'aBcDeFgHiJkLmNoPqRsT',
    Status: stream.status,
    CreationTime: new Timestamp(1_700_000_000_000),
    DataRetentionInHours: stream.retentionHours,
  };
}
