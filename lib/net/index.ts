// Exports `./provider/net`: what providers speak to their servers with, ours and those of other packages.
export type { ProxyOptions, TlsOptions } from '../provider';
export { createAgents, closeAgents, type Agents } from './agents';
export { peek, readText as readBodyText } from './body';
export {
  createHttpClient,
  type HttpClient,
  type HttpHead,
  type HttpOptions,
  type HttpReply,
  type HttpRequest,
  type HttpStream,
} from './http';
export {
  asObject,
  isObject,
  objectAt,
  parseJson,
  parseLongJson,
  readBoolean,
  readCount,
  readId,
  readNumber,
  readObjects,
  readText,
  readTexts,
  type JsonObject,
} from './json';
export { openMedia, readMedia, type MediaRequest } from './media';
export { networkError } from './network-errors';
export { pathSegment } from './path-segment';
export { retryAfterMs, statusError } from './status';
export { openWebSocket, type WebSocketLink, type WebSocketOptions } from './websocket';
export { escapeXml, findAll, parseXml, parseXmlList, valueOf, type XmlElement } from './xml';
export { sniff, type Content } from '../mp4/sniff';
