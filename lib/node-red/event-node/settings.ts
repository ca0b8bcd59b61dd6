// Reads the dialog of a node that sends events.
import { createHash } from 'node:crypto';
import type { Connection } from '../../connection/connection';
import { ClipError } from '../../errors';
import type { FeedNode } from '../../events/member';
import type { NodeDefinition } from '../node-red';
import { readChoice, readNumber } from '../typed-input';

type FeedSettings = Pick<
  FeedNode,
  'source' | 'filter' | 'beforeMs' | 'afterMs' | 'intervalMs' | 'catchUpMs' | 'maxWaiting'
>;

const defaultIntervalSeconds = 10;
const shortestIntervalSeconds = 0.1;

/** @throws EINVALID naming what does not hold, EUNSUPPORTED where the provider knows no events */
export function readFeedSettings(definition: NodeDefinition, connection: Connection): FeedSettings {
  const { label, eventKinds = [], eventIntervalSeconds = defaultIntervalSeconds } = connection.definition;
  const [firstKind] = eventKinds;
  if (!firstKind) throw new ClipError('EUNSUPPORTED', `${label} cannot list events`);
  const seconds = (name: string, fallback: number): number => readNumber(definition, name, fallback) * 1000;
  const chosen = readKinds(definition, connection);
  const kinds = chosen.length > 0 ? chosen : [firstKind.value];
  const minScore = readNumber(definition, 'minScore', 0);
  if (minScore > 1) throw new ClipError('EINVALID', '"minScore" must be a number of at most 1');
  const interval = readNumber(definition, 'interval', 0) || eventIntervalSeconds;
  return {
    source: sourceOf(connection, kinds),
    filter: {
      kinds,
      cameras: readCameras(definition, connection),
      labels: readList(definition, 'labels'),
      zones: readList(definition, 'zones'),
      minScore,
      when: readChoice(definition, 'when', ['end', 'start']),
      minMs: seconds('minSeconds', 0),
      cooldownMs: seconds('cooldown', 0),
    },
    beforeMs: seconds('before', 5),
    afterMs: seconds('after', 5),
    intervalMs: Math.max(shortestIntervalSeconds, interval) * 1000,
    catchUpMs: seconds('catchUp', 3600),
    maxWaiting: Math.floor(readNumber(definition, 'maxWaiting', 200, 1)),
  };
}

/** Source of a cursor: of another server, or for other kinds, it means nothing. */
function sourceOf({ id, definition, target }: Connection, kinds: string[]): string {
  const source = JSON.stringify([id, definition.id, target, [...kinds].sort()]);
  return createHash('sha256').update(source).digest('hex').slice(0, 32);
}

function readKinds(definition: NodeDefinition, connection: Connection): string[] {
  const { label, eventKinds = [] } = connection.definition;
  const chosen = readList(definition, 'kinds');
  const unknown = chosen.find((kind) => eventKinds.every(({ value }) => value !== kind));
  if (unknown === undefined) return chosen;
  throw new ClipError('EINVALID', `"kinds": ${label} has no events of the kind "${unknown.slice(0, 80)}"`);
}

function readCameras(definition: NodeDefinition, connection: Connection): string[] {
  const cameras = readList(definition, 'cameras');
  for (const camera of cameras) {
    const problem = connection.definition.cameraProblem?.(camera);
    if (problem) throw new ClipError('EINVALID', `"cameras" (${camera.slice(0, 80)}): ${problem}`);
  }
  return cameras;
}

/** A list; an environment variable holds it with commas in between. */
function readList(definition: NodeDefinition, name: string): string[] {
  const given = definition[name];
  if (given === undefined || given === null || given === '') return [];
  const entries = Array.isArray(given) ? (given as unknown[]) : String(given).split(',');
  if (!entries.every((entry) => typeof entry === 'string' || typeof entry === 'number')) {
    throw new ClipError('EINVALID', `"${name}" must be a list of texts`);
  }
  return [...new Set(entries.map((entry) => String(entry).trim()))].filter((entry) => entry !== '');
}
