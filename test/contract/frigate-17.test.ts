// Holds Frigate 0.17 to the contract.
import { contractSuite } from './suite';
import { harness } from './frigate-17';

contractSuite(harness);
