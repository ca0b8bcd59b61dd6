/** Cameras, what they have recorded, and what of it is in a range. */

/** Epoch milliseconds, or a date that `Date.parse` understands and that says its zone. */
export type Time = number | string;

export interface SenseDevice {
  serverid: string;
  /** Not unique: only together with the server's id (documented). */
  deviceid: string;
  name: string;
  type: string;
  status: string;
  brand: string;
  location: string;
  ptztype: string;
  ipaddress: string;
  port: string;
  /** Pixels of its video. */
  width: number;
  height: number;
  /** What is recorded. Without `from`: since ever. Without `to`: up to now, still recording. */
  footage: { from?: Time; to?: Time }[];
}

/** A device of a test's own; what is not given is a plain small camera that has always recorded. */
export function senseCamera(device: Partial<SenseDevice> & Pick<SenseDevice, 'serverid' | 'deviceid'>): SenseDevice {
  return {
    name: `Camera ${device.deviceid}`,
    type: 'camera',
    status: 'Ok',
    brand: 'Siqura',
    location: '',
    ptztype: '',
    ipaddress: '192.0.2.21',
    port: '80',
    width: 640,
    height: 360,
    footage: [{}],
    ...device,
  };
}

/** The default system: two servers that both have a device 2, a camera without recordings, and a device without video. */
export function exampleDevices(): SenseDevice[] {
  const [one, two] = ['6917529027641081901', '6917529027641081902'];
  return [
    senseCamera({ serverid: one, deviceid: '2', name: 'Dock 1', location: 'North' }),
    senseCamera({ serverid: one, deviceid: '3', name: 'Dock 2', location: 'North & "Süd" <2>', footage: [] }),
    senseCamera({ serverid: two, deviceid: '2', name: 'Gate', brand: 'VDG', ptztype: 'VDG', width: 320, height: 240 }),
    senseCamera({ serverid: one, deviceid: '9', name: 'Barrier contacts', type: 'digital io', footage: [] }),
  ];
}

export function epochOf(time: Time): number {
  const at = typeof time === 'number' ? time : Date.parse(time);
  if (Number.isNaN(at)) throw new RangeError(`Not a time: ${time}`);
  return at;
}

/** Milliseconds of footage between two instants, as things stand at `now`. */
export function recordedMs(device: Pick<SenseDevice, 'footage'>, start: number, end: number, now: number): number {
  const spans = device.footage
    .map(({ from, to }) => ({
      from: Math.max(start, from === undefined ? -Infinity : epochOf(from)),
      to: Math.min(end, to === undefined ? now : epochOf(to)),
    }))
    .filter((span) => span.to > span.from)
    .sort((a, b) => a.from - b.from);
  let sum = 0;
  let until = -Infinity;
  for (const { from, to } of spans) {
    // Recordings may overlap; nothing counts twice.
    sum += Math.max(0, to - Math.max(from, until));
    until = Math.max(until, to);
  }
  return sum;
}
