import type { ProviderDefinition } from '../provider';
import { aipix } from './aipix';
import { kinesisVideo } from './kinesis-video';
import { rhombus } from './rhombus';
import { vdgSense } from './vdg-sense';

/** The providers of this package, in the order in which the dialog offers them. */
export const providers: ProviderDefinition[] = [vdgSense, rhombus, kinesisVideo, aipix];
