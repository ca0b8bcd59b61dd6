// Holds Rhombus to the contract.
import { contractSuite } from './suite';
import { harness } from './rhombus';

contractSuite(harness);
