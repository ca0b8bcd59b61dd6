// Holds the sample of a provider of others to the contract.
import { contractSuite } from './suite';
import { harness } from './sample';

contractSuite(harness);
