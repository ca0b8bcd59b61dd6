// Knows the words that detectors have for what they see, whichever vendor runs them.
import type { EventType } from '../provider';

/** Most come from the labels of COCO and of Open Images, which common models are trained on. */
const types: Record<string, EventType> = {
  ...named('person', 'person human pedestrian people'),
  ...named('vehicle', 'vehicle car truck bus van motorcycle motorbike bicycle bike train airplane boat'),
  ...named(
    'animal',
    'animal pet bird cat dog horse sheep cow elephant bear zebra giraffe deer fox raccoon rabbit squirrel',
  ),
  ...named('face', 'face'),
  ...named('plate', 'license_plate licenseplate plate'),
};

/** `undefined` for things, and for words that nobody here knows. */
export function typeOfLabel(label: string): EventType | undefined {
  const word = label.toLowerCase();
  return Object.hasOwn(types, word) ? types[word] : undefined;
}

function named(type: EventType, labels: string): Record<string, EventType> {
  return Object.fromEntries(labels.split(' ').map((label) => [label, type]));
}
