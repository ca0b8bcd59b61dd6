// Holds Frigate 0.18 to the contract.
import { contractSuite } from './suite';
import { harness } from './frigate-18';

contractSuite(harness);
