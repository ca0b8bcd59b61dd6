import type { ProviderDefinition } from '../provider';
import { vdgSense } from './vdg-sense';

/** The providers of this package, in the order in which the dialog offers them. */
export const providers: ProviderDefinition[] = [vdgSense];
