/** Cameras, and where they have footage. */

/** Epoch milliseconds, or a date that `Date.parse` understands and that says its zone. */
export type Time = number | string;

/** Without `from`: since ever. Without `to`: up to now, still recording. */
export interface Footage {
  from?: Time;
  to?: Time;
}

export interface RhombusCamera {
  /** 22 characters of url-safe base64 (documented). */
  uuid: string;
  name: string | null;
  connectionStatus: 'GREEN' | 'YELLOW' | 'ORANGE' | 'RED' | null;
  healthStatusDetails: string | null;
  /** `v0` ..., `a0` ..., and empty ones. */
  supportedFacets: string[] | null;
  facetNameMap: Record<string, string> | null;
  mummified: boolean;
  /** Doorbells and cameras of other makers are in lists of their own. */
  kind: 'camera' | 'doorbell' | 'third-party';
  locationUuid: string;
  /** Pixels. */
  width: number;
  height: number;
  /** Archived in the cloud, and on the camera. */
  cloud: Footage[];
  local: Footage[];
}

/** A camera of a test's own; what is not given is a plain small one that has always recorded. */
export function rhombusCamera(camera: Partial<RhombusCamera> & Pick<RhombusCamera, 'uuid'>): RhombusCamera {
  return {
    name: `Camera ${camera.uuid.slice(0, 4)}`,
    connectionStatus: 'GREEN',
    healthStatusDetails: 'NONE',
    supportedFacets: ['v0', 'a0', ''],
    facetNameMap: null,
    mummified: false,
    kind: 'camera',
    locationUuid: 'L0c_K9w2Q1u3xkQ7n5T1Zg',
    width: 640,
    height: 360,
    cloud: [{}],
    local: [],
    ...camera,
  };
}

/** The default system; ids start with a dash or hold an underline, as they may. */
export const exampleCameras = {
  dock: 'b0YwK9w2Q1u3xkQ7n5T1Zg',
  /** Three sensors. */
  gate: '-aTe_9w2Q1u3xkQ7n5T1Zg',
  /** Offline; its footage is only on the camera itself. */
  barn: 'Ba_nK9w2Q1u3xkQ7n5T1Z-',
  /** Never recorded. */
  empty: 'e_ptyK9w2Q1u3xkQ7n5T1Z',
  /** Taken out of service. */
  gone: 'g0neyK9w2Q1u3xkQ7n5T1Z',
} as const;

export function exampleDevices(): RhombusCamera[] {
  const { dock, gate, barn, empty, gone } = exampleCameras;
  return [
    rhombusCamera({ uuid: dock, name: 'Dock 3' }),
    rhombusCamera({
      uuid: gate,
      name: 'Gate',
      connectionStatus: 'YELLOW',
      supportedFacets: ['a0', 'v10', 'v1', 'v0', ''],
      facetNameMap: { v0: 'North', v1: 'South' },
    }),
    rhombusCamera({
      uuid: barn,
      name: 'Barn',
      connectionStatus: 'RED',
      healthStatusDetails: 'DISCONNECTED',
      supportedFacets: null,
      cloud: [],
      local: [{}],
    }),
    rhombusCamera({ uuid: empty, name: null, connectionStatus: null, healthStatusDetails: null, cloud: [] }),
    rhombusCamera({ uuid: gone, name: 'Old', mummified: true }),
  ];
}

export function epochOf(time: Time): number {
  const at = typeof time === 'number' ? time : Date.parse(time);
  if (Number.isNaN(at)) throw new RangeError(`Not a time: ${time}`);
  return at;
}

/** The parts of a range with footage, in epoch milliseconds. */
export function footageIn(footage: Footage[], startMs: number, endMs: number): { startMs: number; endMs: number }[] {
  return footage
    .map(({ from, to }) => ({
      startMs: Math.max(startMs, from === undefined ? -Infinity : epochOf(from)),
      endMs: Math.min(endMs, to === undefined ? Infinity : epochOf(to)),
    }))
    .filter((span) => span.startMs < span.endMs);
}
