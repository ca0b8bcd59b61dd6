// Keeps the list of a connection's cameras: for their names in messages, and to find one by its name.
import type { Clock } from '../async/clock';
import { ClipError } from '../errors';
import type { Camera } from '../provider';

/** Cameras are added and renamed rarely. */
const freshMs = 10 * 60_000;
/** A server that cannot be asked now is left alone for so long. */
const retryMs = 60_000;
/** A caller that needs the list waits this long for it. */
const longestLoadMs = 5_000;

export class CameraList {
  readonly #clock: Clock;
  readonly #fetch: (signal: AbortSignal) => Promise<Camera[]>;
  readonly #names = new Map<string, string>();
  /** Ids by the other ways to write them. */
  readonly #aliases = new Map<string, string>();
  #isKnown = false;
  #nextAt = -Infinity;
  #loading: Promise<void> | undefined;

  constructor(clock: Clock, fetch: (signal: AbortSignal) => Promise<Camera[]>) {
    this.#clock = clock;
    this.#fetch = fetch;
  }

  get isKnown(): boolean {
    return this.#isKnown;
  }

  /** Asks for the list in the background, where it is not known or no longer fresh. No job waits for it. */
  refresh(): void {
    if (this.#clock.steadyNow() >= this.#nextAt) void this.load();
  }

  /** Asks for the list, once for all who want it. Never rejects: without a list there are ids. */
  load(): Promise<void> {
    this.#nextAt = this.#clock.steadyNow() + retryMs;
    this.#loading ??= this.#fetch(AbortSignal.timeout(longestLoadMs))
      .then((cameras) => this.keep(cameras))
      .catch(() => undefined)
      .finally(() => (this.#loading = undefined));
    return this.#loading;
  }

  /** Takes a list that was asked for elsewhere. */
  keep(cameras: Camera[]): void {
    this.#names.clear();
    this.#aliases.clear();
    for (const { id, name, aliases = [] } of cameras) {
      this.#names.set(String(id), String(name ?? '').trim());
      for (const alias of aliases) this.#aliases.set(alias, String(id));
    }
    this.#isKnown = true;
    this.#nextAt = this.#clock.steadyNow() + freshMs;
  }

  /** `undefined`: it has none, or it is not known. */
  nameOf(id: string): string | undefined {
    return this.#names.get(this.#aliases.get(id) ?? id) || undefined;
  }

  /**
   * The id of the camera of that id or name; what is neither stays as it is.
   * @throws EINVALID for a name that several cameras have
   */
  idOf(given: string): string {
    if (this.#isId(given)) return given;
    const wanted = given.trim().toLowerCase();
    const found = [...this.#names].filter(([, name]) => name.toLowerCase() === wanted);
    const exact = found.filter(([, name]) => name === given.trim());
    const [only, ...others] = exact.length > 0 ? exact : found;
    if (!only) return given;
    if (others.length === 0) return only[0];
    throw new ClipError('EINVALID', `${found.length} cameras are called "${given}". Give the id of one`);
  }

  /**
   * The same for what may be an id as well as a name: an id that is not in the list is believed only after the list has been
   * asked for, as far as it can be had.
   * @throws EINVALID for a name that several cameras have
   */
  async resolve(given: string): Promise<string> {
    if (this.#isId(given)) return given;
    if (this.#clock.steadyNow() >= this.#nextAt) await this.load();
    else await this.#loading;
    return this.idOf(given);
  }

  #isId(given: string): boolean {
    return this.#names.has(given) || this.#aliases.has(given);
  }
}
