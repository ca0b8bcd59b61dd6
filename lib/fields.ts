// Defines field lists: one declaration draws a form, validates what was typed, and types what the provider receives.
import { ClipError } from './errors';

/** Holds where a setting has one of these values. */
export interface Condition {
  setting: string;
  in: (string | boolean)[];
}

interface FieldBase<Kind extends string, Value> {
  name: string;
  kind: Kind;
  label: string;
  default: Value;
  hint?: string;
  required?: boolean;
  /** Folded away in the dialog. */
  advanced?: boolean;
  /** While it does not hold, the value is not required, and only shown where something is set. */
  visibleWhen?: Condition;
}

export type Field =
  | (FieldBase<'text', string> & { /** Offered while typing; anything else may be typed. */ suggestions?: string[] })
  | FieldBase<'url', string>
  | (FieldBase<'number', number | ''> & { min?: number; max?: number })
  | FieldBase<'boolean', boolean>
  | (FieldBase<'select', string> & { choices: { value: string; label: string }[] });

/** A switch for the settings of providers whose servers are devices; its value is for `HttpOptions.lenient`. */
export const lenientField = {
  name: 'lenient',
  kind: 'boolean',
  label: 'Accept malformed HTTP',
  default: false,
  advanced: true,
  hint: 'For devices whose answers break the rules of HTTP. Less safe',
} satisfies Field;

type FieldValue = string | number | boolean;

/** Values of a field list, by name. */
export type Settings = Record<string, FieldValue>;

/**
 * Reads stored values by their field list. Missing values take the default, unknown ones are left out, and an empty
 * optional number is left out too: "not set" reaches the provider as a missing key.
 * @throws EINVALID naming the first field that does not hold.
 */
export function readFields(fields: Field[], stored: unknown): Settings {
  const raw = (typeof stored === 'object' && stored !== null ? stored : {}) as Record<string, unknown>;
  const values: Settings = {};
  for (const field of fields) {
    const isNeeded = !field.visibleWhen || holds(field.visibleWhen, fields, raw);
    const value = readField(isNeeded ? field : { ...field, required: false }, raw[field.name] ?? field.default);
    if (value !== undefined) values[field.name] = value;
  }
  return values;
}

export function holds(condition: Condition, fields: Field[], values: Record<string, unknown>): boolean {
  const { setting, in: wanted } = condition;
  const value = values[setting] ?? fields.find(({ name }) => name === setting)?.default;
  return wanted.some((each) => each === value || String(each) === value);
}

function readField(field: Field, given: unknown): FieldValue | undefined {
  switch (field.kind) {
    case 'boolean':
      return readBoolean(field, given);
    case 'number':
      return readNumber(field, given);
    case 'select': {
      const value = readText(field, given);
      if (!field.choices.some((choice) => choice.value === value)) {
        throw invalid(field, `must be one of ${field.choices.map((choice) => choice.value).join(', ')}`);
      }
      return value;
    }
    case 'url': {
      const value = readText(field, given);
      if (value !== '' && !/^https?:\/\/[^/\s]+/i.test(value))
        throw invalid(field, 'must start with http:// or https://');
      if (value !== '' && !URL.canParse(value)) throw invalid(field, 'is not a valid address');
      if (value !== '' && hasLogin(value)) {
        throw invalid(field, 'must not hold a user name or password: these have fields of their own');
      }
      return value;
    }
    case 'text':
      return readText(field, given);
  }
}

/** Addresses are stored and shown in the open. */
function hasLogin(address: string): boolean {
  const { username, password } = new URL(address);
  return username !== '' || password !== '';
}

function readText(field: Field, given: unknown): string {
  if (typeof given !== 'string' && typeof given !== 'number') throw invalid(field, 'must be text');
  const value = String(given).trim();
  if (field.required && value === '') throw invalid(field, 'is required');
  return value;
}

/** Environment variables arrive as text, so `"true"` and `"false"` count. */
function readBoolean(field: Field, given: unknown): boolean {
  if (given === true || given === 'true') return true;
  if (given === false || given === 'false' || given === '') return false;
  throw invalid(field, 'must be true or false');
}

function readNumber(field: Extract<Field, { kind: 'number' }>, given: unknown): number | undefined {
  if (given === null || (typeof given === 'string' && given.trim() === '')) {
    if (field.required) throw invalid(field, 'is required');
    return undefined;
  }
  const value = typeof given === 'string' ? Number(given) : given;
  if (typeof value !== 'number' || !Number.isFinite(value)) throw invalid(field, 'must be a number');
  if (field.min !== undefined && value < field.min) throw invalid(field, `must be at least ${field.min}`);
  if (field.max !== undefined && value > field.max) throw invalid(field, `must be at most ${field.max}`);
  return value;
}

function invalid(field: Field, problem: string): ClipError {
  return new ClipError('EINVALID', `"${field.label}" (${field.name}) ${problem}`);
}
