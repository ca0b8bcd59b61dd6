import { harnessOf } from './frigate-versions';

export const harness = harnessOf('frigate-18', '0.18.0');
