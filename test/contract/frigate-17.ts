import { harnessOf } from './frigate-versions';

export const harness = harnessOf('frigate-17', '0.17.2');
