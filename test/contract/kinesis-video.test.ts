// Holds Kinesis Video Streams to the contract.
import { contractSuite } from './suite';
import { harness } from './kinesis-video';

contractSuite(harness);
