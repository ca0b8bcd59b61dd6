/** The trace of requests in Node-RED's log. */
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { traceRequest } from '../../../lib/net/diagnostics';
import type { NodeRed } from '../../../lib/node-red/node-red';
import { traceRequests } from '../../../lib/node-red/trace';

describe('the trace of requests in the log', () => {
  it('has one line for each while flows are running', () => {
    const lines: string[] = [];
    const events = new EventEmitter();
    const log = { trace: (line: string) => lines.push(line) };
    const settings = { logging: { console: { level: 'info' }, file: { level: 'trace' } } };
    traceRequests({ events, log, settings } as unknown as NodeRed);
    const send = (): void => {
      traceRequest('GET', 'http://cams.example/clips?token=secret')({ status: 200, bytes: 12 });
      traceRequest('POST', 'http://cams.example/clips')({ error: 'ENETWORK' });
    };
    send();
    assert.deepEqual(lines, []);
    events.emit('flows:started');
    events.emit('flows:started');
    send();
    assert.equal(lines.length, 2);
    assert.match(lines[0]!, /^\[video clips\] GET http:\/\/cams\.example\/clips\?token=…: 200, 12 bytes, \d+ ms$/);
    assert.match(lines[1]!, /^\[video clips\] POST http:\/\/cams\.example\/clips: ENETWORK, \d+ ms$/);
    events.emit('flows:stopped');
    send();
    assert.equal(lines.length, 2);
  });

  it('is not made where no log takes it', () => {
    const lines: string[] = [];
    const events = new EventEmitter();
    const log = { trace: (line: string) => lines.push(line) };
    traceRequests({ events, log, settings: { logging: { console: { level: 'info' } } } } as unknown as NodeRed);
    events.emit('flows:started');
    traceRequest('GET', 'http://cams.example/clips')({ status: 200 });
    events.emit('flows:stopped');
    assert.deepEqual(lines, []);
  });
});
