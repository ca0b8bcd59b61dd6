// Holds Frigate 0.16 to the contract.
import { contractSuite } from './suite';
import { harness } from './frigate-16';

contractSuite(harness);
