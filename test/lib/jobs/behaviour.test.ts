import { join } from 'node:path';
import { systemClock } from '../../../lib/async/clock';
import { EmbeddedEngine } from '../../../lib/jobs/embedded';
import { openJournal } from '../../../lib/jobs/journal';
import { expectNoUnhandledRejections } from '../../support/promises';
import { tempFolder } from '../../support/temp-folder';
import { describeBehaviour } from './behaviour';

describe('the embedded engine', () => {
  const folder = tempFolder();
  expectNoUnhandledRejections();
  const warnings: string[] = [];
  const warn = (text: string): void => void warnings.push(text);
  const start = (): EmbeddedEngine => new EmbeddedEngine(openJournal(join(folder(), 'jobs'), warn), systemClock, warn);
  let engine: EmbeddedEngine;

  beforeEach(() => {
    warnings.length = 0;
    engine = start();
  });

  describeBehaviour({
    get engine() {
      return engine;
    },
    warnings,
    restart: async () => void (engine = start()),
  });
});
