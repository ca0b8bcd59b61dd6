import { harnessOf } from './frigate-versions';

export const harness = harnessOf('frigate-16', '0.16.4');
