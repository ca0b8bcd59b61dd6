// Makes the one object of a Node-RED that owns the jobs, the list of work, the logins, plugins, ffmpeg and folders.
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock, type Clock } from '../async/clock';
import { loginGuards } from '../connection/login-guard';
import { findFfmpeg } from '../ffmpeg/run';
import type { JobEngine } from '../jobs/job';
import type { StateStore } from '../jobs/node-states';
import { openFeed, type ActivityFeed } from './activity/feed';
import { jobStore, openEngine, openStates } from './engine';
import type { NodeRed } from './node-red';
import { dropOrphans } from './orphans';
import { pluginProviders, type PluginProviders } from './plugins';
import { traceRequests } from './trace';

/** The name under which Node-RED keeps the catalogs of this package. */
const packageName = '@vms-nodes/node-red-video-clips';
/** A deploy stops the flows and starts them again at once. */
const closeAfterMs = 1_000;

export class Runtime {
  readonly clock: Clock = systemClock;
  /** Circuit breakers of logins, which outlive redeploys. */
  readonly logins = loginGuards(this.clock);
  readonly activity: ActivityFeed;
  /** Paths of files that are being sent to browsers: how often each. */
  readonly playing = new Map<string, number>();
  readonly pluginProviders: PluginProviders;
  #RED: NodeRed;
  /** By where jobs are kept. One, unless the settings have changed. */
  readonly #engines = new Map<string, JobEngine>();
  readonly #states = new WeakMap<JobEngine, StateStore>();
  readonly #onceStarted = new Set<() => void>();
  #cancelClosing: (() => void) | undefined;

  constructor(RED: NodeRed) {
    this.#RED = RED;
    this.activity = openFeed(this);
    this.pluginProviders = pluginProviders(this);
    traceRequests(RED);
    // Listened to once for all nodes: the emitter warns about more than ten listeners.
    RED.events.on('flows:started', () => this.#started());
    RED.events.on('flows:starting', () => this.#cancelClosing?.());
    RED.events.on('flows:stopped', () => this.#closeLater());
  }

  get RED(): NodeRed {
    return this.#RED;
  }

  /** Node-RED hands each set of nodes an object of its own, behind which all is shared; only its translations differ. */
  attach(RED: NodeRed): void {
    this.#RED = RED;
  }

  /** It outlives redeploys. */
  get engine(): JobEngine {
    const store = jobStore(this.#RED, this.userFolder);
    const key = JSON.stringify(store);
    const engine = this.#engines.get(key) ?? openEngine(this.#RED, store, this.clock);
    this.#engines.set(key, engine);
    return engine;
  }

  /** State of nodes that send events. @throws where nothing can be kept */
  get states(): StateStore {
    const { engine } = this;
    const states = this.#states.get(engine) ?? openStates(this.#RED, engine, this.userFolder);
    this.#states.set(engine, states);
    return states;
  }

  /** Node-RED always has one; a bare test runtime has none, and must not write into the home of whoever runs it. */
  get userFolder(): string {
    return this.#RED.settings.userDir ?? join(tmpdir(), `video-clips-${process.pid}`);
  }

  /** Base of relative file names: as for the core file nodes, else the user directory. */
  get fileFolder(): string {
    return this.#RED.settings.fileWorkingDirectory || this.userFolder;
  }

  /** @returns its path. @throws EFFMPEG */
  findFfmpeg(): Promise<string> {
    const { clipProviderFfmpeg } = this.#RED.settings;
    return findFfmpeg({ setting: typeof clipProviderFfmpeg === 'string' ? clipProviderFfmpeg : '', env: process.env });
  }

  /** A text of the catalog of a set of nodes, in the language of Node-RED. */
  readonly translate = (set: string, key: string, values?: Record<string, unknown>): string =>
    this.#RED._(`${packageName}/${set}:${key}`, values);

  /** Calls back once when all nodes of the flows exist; the returned function takes that back. */
  whenFlowsStarted(call: () => void): () => void {
    this.#onceStarted.add(call);
    return () => this.#onceStarted.delete(call);
  }

  #started(): void {
    const calls = [...this.#onceStarted];
    this.#onceStarted.clear();
    for (const call of calls) call();
    dropOrphans(this);
  }

  #closeLater(): void {
    this.#cancelClosing?.();
    this.#cancelClosing = this.clock.after(closeAfterMs, () => {
      if (!this.#closeUnused()) this.#closeLater();
    });
  }

  /** Connections to Redis keep a process alive that has nothing else to do any more. */
  #closeUnused(): boolean {
    let isAnyUsed = false;
    for (const [key, engine] of this.#engines) {
      if (!engine.closeUnused) continue;
      const closing = engine.closeUnused();
      isAnyUsed ||= !closing;
      if (closing) this.#engines.delete(key);
      closing?.catch(() => undefined);
    }
    return !isAnyUsed;
  }
}

/** Sets of nodes are loaded one by one, each without knowing of the others. */
const runtimes = new WeakMap<NodeRed['events'], Runtime>();

export function runtimeOf(RED: NodeRed): Runtime {
  const runtime = runtimes.get(RED.events) ?? new Runtime(RED);
  runtimes.set(RED.events, runtime);
  runtime.attach(RED);
  return runtime;
}
