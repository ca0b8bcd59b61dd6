// Lists the providers that come with this package.
import type { ProviderDefinition } from '../provider';
import { aipix } from './aipix';
import { frigate } from './frigate';
import { kinesisVideo } from './kinesis-video';
import { rhombus } from './rhombus';
import { vdgSense } from './vdg-sense';
import { zoneMinder } from './zoneminder';

/** The providers of this package, in the order in which the dialog offers them. */
export const providers: ProviderDefinition[] = [vdgSense, rhombus, kinesisVideo, aipix, zoneMinder, frigate];
