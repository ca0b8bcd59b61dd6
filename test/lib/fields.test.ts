/** Field lists. */
import assert from 'node:assert/strict';
import { ClipError } from '../../lib/errors';
import { readFields, type Field } from '../../lib/fields';

const text: Field = { name: 'name', kind: 'text', label: 'Name', default: 'unnamed' };
const url: Field = { name: 'url', kind: 'url', label: 'Address', default: '' };
const number: Field = { name: 'count', kind: 'number', label: 'Count', default: '', min: 1, max: 10 };
const boolean: Field = { name: 'on', kind: 'boolean', label: 'On', default: true };
const select: Field = {
  name: 'mode',
  kind: 'select',
  label: 'Mode',
  default: 'a',
  choices: [
    { value: 'a', label: 'A' },
    { value: 'b', label: 'B' },
  ],
};

describe('readFields', () => {
  const accepted: [string, Field, unknown, unknown][] = [
    ['a text', text, 'x', 'x'],
    ['a text with blanks around', text, ' x y\n', 'x y'],
    ['an empty text', text, '', ''],
    ['a number as text', text, 5, '5'],
    ['an address', url, 'http://sense.example:8080/base', 'http://sense.example:8080/base'],
    ['an address in capitals', url, ' HTTPS://SENSE.EXAMPLE ', 'HTTPS://SENSE.EXAMPLE'],
    ['an IPv6 address', url, 'http://[::1]:80', 'http://[::1]:80'],
    ['no address', url, '', ''],
    ['a number', number, 5, 5],
    ['a number as text', number, ' 5 ', 5],
    ['a fraction', number, '2.5', 2.5],
    ['the smallest number', number, 1, 1],
    ['the largest number', number, '10', 10],
    ['true', boolean, true, true],
    ['"true"', boolean, 'true', true],
    ['false', boolean, false, false],
    ['"false"', boolean, 'false', false],
    ['an empty text for no', boolean, '', false],
    ['a choice', select, 'b', 'b'],
    ['a choice with blanks around', select, ' b ', 'b'],
  ];
  for (const [name, field, stored, expected] of accepted) {
    it(`takes ${name} for a ${field.kind}`, () => {
      assert.deepEqual(readFields([field], { [field.name]: stored }), { [field.name]: expected });
    });
  }

  const refused: [string, Field, unknown, RegExp][] = [
    ['an object', text, {}, /must be text/],
    ['true', text, true, /must be text/],
    ['a list', text, ['x'], /must be text/],
    ['nothing where something is required', { ...text, required: true }, ' ', /is required/],
    ['nothing where an address is required', { ...url, required: true }, '', /is required/],
    ['a bare host', url, 'sense.example', /must start with http/],
    ['another protocol', url, 'ftp://sense.example', /must start with http/],
    ['a script', url, 'javascript:alert(1)//http://x', /must start with http/],
    ['no host', url, 'http://', /must start with http/],
    ['a bad port', url, 'http://host:99999', /not a valid address/],
    ['a password inside', url, 'http://joe:s3cret@host', /user name or password/],
    ['a user name inside', url, 'http://joe@host', /user name or password/],
    ['words', number, 'many', /must be a number/],
    ['true', number, true, /must be a number/],
    ['NaN', number, NaN, /must be a number/],
    ['Infinity', number, 'Infinity', /must be a number/],
    ['too small a number', number, 0, /at least 1/],
    ['too large a number', number, '11', /at most 10/],
    ['nothing where a number is required', { ...number, required: true }, '', /is required/],
    ['blanks where a number is required', { ...number, required: true }, '  ', /is required/],
    ['"yes"', boolean, 'yes', /true or false/],
    ['1', boolean, 1, /true or false/],
    ['another choice', select, 'c', /must be one of a, b/],
    ['no choice', select, '', /must be one of a, b/],
    ['a label', select, 'A', /must be one of a, b/],
  ];
  for (const [name, field, stored, message] of refused) {
    it(`refuses ${name} for a ${field.kind}, and names the field`, () => {
      assert.throws(
        () => readFields([field], { [field.name]: stored }),
        (error) => {
          assert.ok(error instanceof ClipError);
          assert.equal(error.code, 'EINVALID');
          assert.ok(error.message.startsWith(`"${field.label}" (${field.name}) `), error.message);
          assert.match(error.message, message);
          assert.doesNotMatch(error.message, /s3cret/);
          return true;
        },
      );
    });
  }

  for (const empty of ['', '  ', null, undefined]) {
    it(`leaves out an optional number that is ${JSON.stringify(empty)}`, () => {
      assert.deepEqual(readFields([{ ...number, min: 0 }], { count: empty }), {});
    });
  }

  it('takes the default for what is missing or null', () => {
    const defaults = { name: 'unnamed', url: '', on: true, mode: 'a' };
    const all = [text, url, number, boolean, select];
    for (const stored of [{}, null, undefined, 'text', 7, [], { name: null, on: null, mode: undefined }]) {
      assert.deepEqual(readFields(all, stored), defaults);
    }
    assert.deepEqual(readFields([{ ...number, default: 3 }], {}), { count: 3 });
  });

  it('leaves out what is not declared', () => {
    assert.deepEqual(readFields([text], { name: 'x', password: 's3cret', __proto__: { url: 'y' } }), { name: 'x' });
  });
});

describe('a field that depends on another one', () => {
  const address: Field = { ...url, required: true, visibleWhen: { setting: 'mode', in: ['b'] } };
  const fields = [select, address];

  it('is required only where it is needed', () => {
    assert.deepEqual(readFields(fields, {}), { mode: 'a', url: '' });
    assert.throws(() => readFields(fields, { mode: 'b' }), /"Address" \(url\) is required/);
  });

  it('counts where it is set, needed or not', () => {
    assert.deepEqual(readFields(fields, { url: 'http://x.example' }), { mode: 'a', url: 'http://x.example' });
    assert.throws(() => readFields(fields, { url: 'x' }), /must start with http/);
  });

  it('may depend on a switch, which a variable may have set', () => {
    const dependent: Field[] = [boolean, { ...address, visibleWhen: { setting: 'on', in: [true] } }];
    for (const on of [undefined, true, 'true']) assert.throws(() => readFields(dependent, { on }), /is required/);
    assert.deepEqual(readFields(dependent, { on: 'false' }), { on: false, url: '' });
  });
});
