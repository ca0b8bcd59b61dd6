/** Rhombus: clips that only some roles may see, and sound that a camera lacks or a role may not use. */
import assert from 'node:assert/strict';
import { readFields } from '../../../../lib/fields';
import { exampleCameras, rhombusCamera } from '../../../simulators/rhombus';
import { closeAll, connectTo, definition, dock, fails, never, request, sent, startCloud } from './support';

const optionsOf = (options: object) => readFields(definition.clipOptions, options);

describe('Rhombus: clips for some roles', () => {
  afterEach(closeAll);

  it('are asked for with the ids of these roles', async () => {
    const sim = await startCloud();
    const options = optionsOf({ visibility: 'ROLE_RESTRICTED', roles: ' role-1, role_2;role-3 ' });
    const clip = await connectTo(sim).createClip(request({ options }), never);
    assert.deepEqual(sent(sim, 'spliceV3').accessSettings, {
      visibility: 'ROLE_RESTRICTED',
      allowedRoles: ['role-1', 'role_2', 'role-3'],
    });
    assert.equal(clip.status, 'pending');
  });

  it('need a role, which others do not', () => {
    assert.throws(() => optionsOf({ visibility: 'ROLE_RESTRICTED' }), { code: 'EINVALID', message: /"Roles"/ });
    assert.equal(optionsOf({ visibility: 'ORG_WIDE' }).roles, '');
  });

  it('that are not for the key are a matter of its role, and of nothing else', async () => {
    for (const said of ['Clip is ROLE_RESTRICTED', 'Restricted to certain roles', 'This role is not permitted']) {
      for (const reply of [
        { status: 200, body: JSON.stringify({ error: true, errorMsg: said }) },
        { status: 403, body: JSON.stringify({ status: 403, error: 'Forbidden', msg: said }) },
      ]) {
        const sim = await startCloud();
        const connection = connectTo(sim);
        const clip = await connection.createClip(request(), never);
        sim.failNext({ kind: 'reply', reply }, 'getClipWithProgress', 9);
        const error = fails('EFORBIDDEN', new RegExp(`${said} \\(.*The clip is open to some roles only`), {
          retryable: false,
          inconclusive: false,
        });
        await assert.rejects(connection.pollClip(clip, 1, never), error);
      }
    }
  });
});

describe('Rhombus: sound', () => {
  afterEach(closeAll);

  const withSound = request({ options: optionsOf({ audio: true }) });

  it('is asked for from the source that the list of cameras names', async () => {
    const uuid = 'soundK9w2Q1u3xkQ7n5T1Z';
    const sim = await startCloud({ cameras: [rhombusCamera({ uuid, supportedFacets: ['a3', 'v0', 'a1'] })] });
    await connectTo(sim).createClip({ ...withSound, camera: `${uuid}.v0` }, never);
    assert.deepEqual(sent(sim, 'spliceV3').deviceUuids, [`${uuid}.v0`, `${uuid}.a1`]);
    assert.equal(sent(sim, 'spliceV3').audioIncluded, true);
  });

  it('is left out where the camera has none, and that is told', async () => {
    const uuid = 'muteK9w2Q1u3xkQ7n5T1Zg';
    const sim = await startCloud({ cameras: [rhombusCamera({ uuid, supportedFacets: ['v0', ''] })] });
    const clip = await connectTo(sim).createClip({ ...withSound, camera: uuid }, never);
    assert.deepEqual(sent(sim, 'spliceV3').deviceUuids, [`${uuid}.v0`]);
    assert.equal(sent(sim, 'spliceV3').audioIncluded, false);
    assert.match(clip.reason!, /no sound/);
    assert.equal(clip.ref?.devices, `${uuid}.v0`);
  });

  it('is asked for as the own client of the vendor does where nobody tells what a camera has', async () => {
    const sim = await startCloud();
    const connection = connectTo(sim);
    await connection.createClip({ ...withSound, camera: exampleCameras.barn }, never);
    assert.deepEqual(sent(sim, 'spliceV3').deviceUuids, [`${exampleCameras.barn}.v0`, `${exampleCameras.barn}.a0`]);
    const asked = sim.requestsFor('getMinimalCameraStateList').length;
    await connection.createClip({ ...withSound, camera: exampleCameras.barn }, never);
    await connection.createClip({ ...withSound, camera: exampleCameras.dock }, never);
    assert.equal(sim.requestsFor('getMinimalCameraStateList').length, asked, 'one list is enough');
  });

  it('keeps no clip from being made when the list cannot be had', async () => {
    const sim = await startCloud();
    const connection = connectTo(sim);
    await connection.createClip(request(), never);
    sim.failNext({ kind: 'reply', reply: { status: 503 } }, 'getMinimalCameraStateList', 9);
    await connection.createClip(withSound, never);
    assert.deepEqual(sent(sim, 'spliceV3').deviceUuids, [dock, `${exampleCameras.dock}.a0`]);
  });

  it('that the role may not use has its own words', async () => {
    for (const said of ['Audio is not allowed for this role', 'Permission denied for audio', 'Microphone disabled']) {
      const sim = await startCloud();
      const connection = connectTo(sim);
      await connection.createClip(request(), never);
      const reply = { status: 200, body: JSON.stringify({ error: true, errorMsg: said, clipUuid: null }) };
      sim.failNext({ kind: 'reply', reply }, 'spliceV3');
      await assert.rejects(
        connection.createClip(withSound, never),
        fails('EFORBIDDEN', new RegExp(`${said} \\(creating .*does not allow sound: switch "With audio" off`)),
      );
    }
  });
});
