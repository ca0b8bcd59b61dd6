// Holds Aipix to the contract.
import { contractSuite } from './suite';
import { harness } from './aipix';

contractSuite(harness);
