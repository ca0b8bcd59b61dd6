// Reads "device facets", by which cameras are addressed: the id of the device, a dot, and one of its video (`v0`, `v1` ...) or
// audio (`a0` ...) sources. Ids are url-safe base64, so they hold no dot of their own.

/** The id of the device alone, as filters and the presence call take it. */
export function bareOf(camera: string): string {
  return camera.split('.')[0] ?? camera;
}

/** `undefined` for the device as a whole. */
export function facetOf(camera: string): string | undefined {
  return camera.split('.')[1];
}

/** Without a facet, the first video source is meant. */
export function videoFacet(camera: string): string {
  return camera.includes('.') ? camera : `${camera}.v0`;
}

/** The one that the vendor's own client adds for sound. */
export function audioFacet(camera: string): string {
  return `${bareOf(camera)}.a0`;
}

/** Could these be the same video source? A vendor's answer may leave the facet out. */
export function isSameVideo(camera: string, other: string): boolean {
  if (bareOf(camera) !== bareOf(other)) return false;
  return !other.includes('.') || videoFacet(camera) === other;
}
