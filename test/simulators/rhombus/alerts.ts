// Keeps policy alerts and lists them, newest first as far as is known (inferred).
import { Refusal, type Payload } from './replies';
import type { RhombusState } from './state';

export interface RhombusAlert {
  uuid: string;
  type: string;
  /** Epoch milliseconds. */
  timestampMs: number;
  /** `undefined` while it goes on. */
  durationSec: number | undefined;
  /** Bare; `undefined` for doors. */
  deviceUuid: string | undefined;
  deviceType: string;
  triggers: string[];
  text: string | null;
  deleted: boolean;
  /** It is listed from then on. */
  listedAt: number;
}

export interface AlertOptions {
  /** Order of the list (inferred: newest first). */
  order: 'desc' | 'asc';
  isDoubled: boolean;
  /** Bounds and length are not heeded. */
  isEndless: boolean;
  /** No list is longer, whatever was asked for (unknown). */
  mostListed: number;
  /** How an alert that is not there is answered (unknown). */
  unknown: 'null' | '404' | 'in-band';
}

export function addAlert(state: RhombusState, alert: Partial<RhombusAlert> = {}): RhombusAlert {
  const added: RhombusAlert = {
    uuid: `aL3rt_${String(state.alerts.length).padStart(6, '0')}xkQ7n5T1Zg`,
    type: 'POLICY_ALERT_V2',
    timestampMs: state.now(),
    durationSec: undefined,
    deviceUuid: state.options.cameras[0]!.uuid,
    deviceType: 'CAMERA',
    triggers: ['MOTION_HUMAN'],
    text: 'Human movement',
    deleted: false,
    listedAt: state.now(),
    ...alert,
  };
  state.alerts.push(added);
  return added;
}

export function getPolicyAlerts(state: RhombusState, body: Payload): Payload {
  const { order, isDoubled, isEndless, mostListed } = state.options.alerts;
  const listed = state.alerts.filter(({ listedAt }) => listedAt <= state.now());
  const sign = order === 'desc' ? -1 : 1;
  const sorted = listed.toSorted((a, b) => sign * (a.timestampMs - b.timestampMs || (a.uuid < b.uuid ? -1 : 1)));
  const devices = Array.isArray(body.deviceFilter) ? body.deviceFilter : [];
  const after = Number(body.afterTimestampMs ?? -Infinity);
  const before = Number(body.beforeTimestampMs ?? Infinity);
  const found = isEndless
    ? sorted
    : sorted
        .slice(body.lastUuid ? sorted.findIndex(({ uuid }) => uuid === body.lastUuid) + 1 : 0)
        .filter(({ timestampMs }) => timestampMs > after && timestampMs < before)
        .filter(({ deviceUuid }) => devices.length === 0 || devices.includes(deviceUuid));
  const twice = isDoubled ? found.flatMap((alert) => [alert, alert]) : found;
  const length = isEndless ? Infinity : Math.min(Number(body.maxResults ?? 100), mostListed);
  return { policyAlerts: twice.slice(0, length).map(alertOf) };
}

export function getPolicyAlertDetails(state: RhombusState, body: Payload): Payload {
  const alert = state.alerts.find(({ uuid }) => uuid === body.policyAlertUuid);
  if (alert) return { policyAlert: alertOf(alert) };
  const { unknown } = state.options.alerts;
  if (unknown === 'null') return { policyAlert: null };
  throw new Refusal(unknown, 'Alert not found');
}

function alertOf(alert: RhombusAlert): Payload {
  const { uuid, type, timestampMs, durationSec, deviceUuid, deviceType, triggers, text, deleted } = alert;
  return {
    ...{ uuid, type, timestampMs, deleted },
    durationSec: durationSec ?? null,
    finalized: durationSec !== undefined,
    delayedProcessing: false,
    saved: false,
    locationUuid: 'L0c_K9w2Q1u3xkQ7n5T1Zg',
    policyUuid: 'p0l_K9w2Q1u3xkQ7n5T1Zg',
    thumbnailLocation: { region: 'us-west-2', type: 'ALERT' },
    ...(deviceUuid === undefined ? {} : { deviceUuid, deviceType }),
    policyAlertTriggers: triggers,
    textDescription: text,
  };
}
