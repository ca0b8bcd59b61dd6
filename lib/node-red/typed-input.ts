// Reads the properties of dialogs: typed inputs, numbers, check boxes, choices.
import { ClipError } from '../errors';
import type { Message, Node, NodeRed } from './node-red';

export interface TypedInput {
  /** Its name for the user: `msg.start`, or just `start`. */
  name: string;
  /** The value for this message. @throws EINVALID */
  read(message: Message): Promise<unknown>;
}

/** The typed input of a dialog property; the type is saved beside it as `<property>Type`. */
export function typedInput(
  RED: NodeRed,
  node: Node,
  definition: Record<string, unknown>,
  property: string,
  fallback: string,
  fallbackType: string,
): TypedInput {
  const value = definition[property] ?? fallback;
  const type = String(definition[`${property}Type`] || fallbackType);
  const name = ['msg', 'flow', 'global'].includes(type) ? `${type}.${String(value)}` : property;
  return {
    name,
    async read(message) {
      try {
        return await new Promise((resolve, reject) => {
          RED.util.evaluateNodeProperty(value, type, node, message, (error, result) => {
            if (error) return reject(error);
            // It would be waited for, which may take for ever.
            if (typeof (result as { then?: unknown } | undefined | null)?.then === 'function') {
              return reject(new Error('it is a promise: wait for it in the node before'));
            }
            resolve(result);
          });
        });
      } catch (error) {
        throw new ClipError('EINVALID', `${name} cannot be read: ${(error as Error).message}`);
      }
    },
  };
}

export interface NumberInput {
  /** @throws EINVALID where the dialog itself holds no such number */
  check(): void;
  /** The value for this message. @throws EINVALID */
  read(message: Message): Promise<number>;
}

/** The typed input of a number of at least 0. */
export function numberInput(
  RED: NodeRed,
  node: Node,
  definition: Record<string, unknown>,
  property: string,
  fallback: number,
): NumberInput {
  const input = typedInput(RED, node, definition, property, String(fallback), 'num');
  const isFixed = (definition[`${property}Type`] || 'num') === 'num';
  const fixed = (): number => readNumber(definition, property, fallback);
  return {
    check: () => void (isFixed && fixed()),
    async read(message) {
      if (isFixed) return fixed();
      const given = await input.read(message);
      const value = typeof given === 'string' && given.trim() !== '' ? Number(given) : given;
      if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value;
      throw new ClipError('EINVALID', `${input.name} must be a number of seconds, 0 or more`);
    },
  };
}

/**
 * A number from a dialog or an environment variable.
 * @throws EINVALID naming it
 */
export function readNumber(definition: Record<string, unknown>, name: string, fallback: number, minimum = 0): number {
  const given = definition[name];
  if (isUnset(given)) return fallback;
  const value = typeof given === 'string' ? Number(given) : given;
  if (typeof value !== 'number' || !Number.isFinite(value) || value < minimum) {
    throw new ClipError('EINVALID', `"${name}" must be a number of at least ${minimum}`);
  }
  return value;
}

/** A check box; environment variables arrive as text. */
export function readFlag(definition: Record<string, unknown>, name: string, fallback: boolean): boolean {
  const given = definition[name];
  if (isUnset(given)) return fallback;
  return given === true || given === 'true';
}

/** One of a few words. @throws EINVALID naming the property */
export function readChoice<Choice extends string>(
  definition: Record<string, unknown>,
  name: string,
  choices: readonly [Choice, ...Choice[]],
): Choice {
  const given = definition[name];
  if (isUnset(given)) return choices[0];
  const choice = choices.find((candidate) => candidate === given);
  if (choice === undefined) throw new ClipError('EINVALID', `"${name}" must be one of ${choices.join(', ')}`);
  return choice;
}

function isUnset(given: unknown): boolean {
  return given === undefined || given === null || given === '';
}
