// Holds ZoneMinder to the contract.
import { contractSuite } from './suite';
import { harness } from './zoneminder';

contractSuite(harness);
