// Reads the providers that other packages registered as plugins; one that does not hold to the contract is left out.
import {
  credentialSlots,
  type Condition,
  type Credentials,
  type Field,
  type ProviderConfig,
  type ProviderDefinition,
  type RequiredCredentials,
} from '../provider';
import type { Runtime } from './runtime';

const kinds: ReadonlySet<unknown> = new Set<Field['kind']>(['text', 'url', 'number', 'boolean', 'select']);

export interface PluginProviders {
  /** The definitions that can be used, in the order of their registration. @param taken ids that are in use already */
  list(taken: Iterable<string>): ProviderDefinition[];
}

/** Looks at each definition once, and warns of each plugin once. */
export function pluginProviders(runtime: Runtime): PluginProviders {
  const checked = new WeakMap<object, ProviderDefinition | undefined>();
  const warned = new Set<string>();

  function warnOnce(id: string, problem: string): void {
    if (warned.has(id)) return;
    warned.add(id);
    const [line = ''] = problem.split('\n');
    runtime.RED.log.warn(`[video clips] The provider of the plugin "${id}" is ignored: ${line}`);
  }

  function check(plugin: { id: string; definition?: unknown }): ProviderDefinition | undefined {
    try {
      const given = plugin.definition;
      if (typeof given !== 'object' || given === null) throw new Error('it has no definition');
      if (!checked.has(given)) {
        checked.set(given, undefined);
        checked.set(given, readDefinition(given as Record<string, unknown>));
      }
      return checked.get(given);
    } catch (thrown) {
      warnOnce(plugin.id, thrown instanceof Error ? thrown.message : String(thrown));
      return undefined;
    }
  }

  return {
    list(taken) {
      const ids = new Set(taken);
      return (runtime.RED.plugins?.getByType?.('clip-provider') ?? []).flatMap((plugin) => {
        const definition = check(plugin);
        if (!definition) return [];
        if (ids.has(definition.id)) {
          warnOnce(plugin.id, `another provider is called "${definition.id}" already`);
          return [];
        }
        ids.add(definition.id);
        return definition;
      });
    },
  };
}

/** A copy of what the contract names, so that nothing else of it, and no getter, can do harm later. @throws what is wrong */
function readDefinition(given: Record<string, unknown>): ProviderDefinition {
  const { maxClipSeconds, cameraProblem, open } = given as Partial<ProviderDefinition>;
  const optional = { maxClipSeconds, cameraProblem };
  for (const [name, value] of Object.entries(optional)) {
    if (value !== undefined && typeof value !== 'function') throw new Error(`"${name}" must be a function`);
  }
  if (typeof open !== 'function') throw new Error('"open" must be a function');
  // Each property of the contract stands here, so that none is forgotten.
  return {
    id: readText(given.id, 'id'),
    label: readText(given.label, 'label'),
    settings: readFieldList(given.settings, 'settings'),
    credentials: readCredentials(given.credentials),
    requiredCredentials: readRequired(given.requiredCredentials),
    clipOptions: readFieldList(given.clipOptions, 'clipOptions'),
    exportsToServer: given.exportsToServer === true,
    docs: readAddress(given.docs),
    eventKinds: readEventKinds(given.eventKinds),
    eventIntervalSeconds: readSeconds(given.eventIntervalSeconds, 'eventIntervalSeconds'),
    maxClipSeconds: maxClipSeconds?.bind(given),
    cameraProblem: cameraProblem?.bind(given),
    idempotentCreate: given.idempotentCreate === true,
    open: async (config: ProviderConfig) => open.call(given, config),
  } satisfies Record<keyof ProviderDefinition, unknown>;
}

function readText(value: unknown, name: string): string {
  if (typeof value !== 'string' || value.trim() === '') throw new Error(`"${name}" must be text, and not empty`);
  return value;
}

/** It becomes a link in the editor. */
function readAddress(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || !/^https?:\/\//.test(value)) throw new Error('"docs" must be an http address');
  return value;
}

function readEventKinds(value: unknown): ProviderDefinition['eventKinds'] {
  if (value === undefined) return undefined;
  if (!Array.isArray(value) || value.length === 0) throw new Error('"eventKinds" must be a list, and not empty');
  return value.map((kind: Record<string, unknown>) => ({
    value: readText(kind?.value, 'eventKinds.value'),
    label: readText(kind?.label, 'eventKinds.label'),
  }));
}

function readSeconds(value: unknown, name: string): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !(value > 0)) throw new Error(`"${name}" must be a number above 0`);
  return value;
}

function readFieldList(value: unknown, name: string): Field[] {
  if (!Array.isArray(value)) throw new Error(`"${name}" must be a list of fields`);
  // A value that is no JSON would keep the editor from loading its settings.
  const fields = JSON.parse(JSON.stringify(value)) as unknown[];
  for (const field of fields) {
    if (!isField(field))
      throw new Error(`"${name}" holds something that is no field: ${JSON.stringify(field).slice(0, 80)}`);
  }
  return fields as Field[];
}

function isField(value: unknown): value is Field {
  if (typeof value !== 'object' || value === null) return false;
  const { name, kind, label, default: initial, choices } = value as Record<string, unknown>;
  if (typeof name !== 'string' || name === '' || typeof label !== 'string' || !kinds.has(kind)) return false;
  if (kind !== 'select') return initial !== undefined;
  const isChoice = (choice: unknown): boolean =>
    typeof choice === 'object' && choice !== null && 'value' in choice && 'label' in choice;
  return initial !== undefined && Array.isArray(choices) && choices.length > 0 && choices.every(isChoice);
}

function readCredentials(value: unknown): ProviderDefinition['credentials'] {
  if (typeof value !== 'object' || value === null) throw new Error('"credentials" must say which slots are used');
  const used: ProviderDefinition['credentials'] = {};
  for (const slot of credentialSlots) {
    const given = (value as Record<string, unknown>)[slot] as Record<string, unknown> | undefined;
    if (!given) continue;
    const { label, hint, visibleWhen } = given;
    used[slot] = {
      label: readText(label, `credentials.${slot}.label`),
      ...(typeof hint === 'string' ? { hint } : {}),
      ...(visibleWhen === undefined ? {} : { visibleWhen: readCondition(visibleWhen) }),
    };
  }
  return used;
}

function readRequired(value: unknown): RequiredCredentials[] | undefined {
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) throw new Error('"requiredCredentials" must be a list');
  return value.map(({ when, anyOf }: Record<string, unknown>) => {
    const isSlot = (slot: unknown): boolean => (credentialSlots as readonly unknown[]).includes(slot);
    const isSets =
      Array.isArray(anyOf) && anyOf.length > 0 && anyOf.every((set) => Array.isArray(set) && set.every(isSlot));
    if (!isSets) throw new Error('"requiredCredentials.anyOf" must hold lists of slots');
    const sets = anyOf.map((set) => [...(set as (keyof Credentials)[])]);
    return { anyOf: sets, ...(when === undefined ? {} : { when: readCondition(when) }) };
  });
}

function readCondition(value: unknown): Condition {
  const { setting, in: wanted } = (value ?? {}) as Record<string, unknown>;
  if (!Array.isArray(wanted)) throw new Error('a condition must have a list "in"');
  return {
    setting: readText(setting, 'setting'),
    in: wanted.map((each) => (typeof each === 'boolean' ? each : String(each))),
  };
}
