// Holds VDG Sense to the contract.
import { contractSuite } from './suite';
import { harness } from './vdg-sense';

contractSuite(harness);
