/*
 * Reads the field list of a provider and checks values: as RED.videoClips, for the dialogs of all nodes of this package. The scripts here arrive in any order, so each adds its part and looks up those of others only when called.
 * Validators of the nodes also run while a freshly installed package is still arriving set by set: to them, a missing
 * function is "nothing to complain about".
 */
(function () {
  'use strict';

  const CATALOG = '@vms-nodes/node-red-video-clips/clip-provider';
  const _ = (key, options) => RED._(`${CATALOG}:${key}`, options);

  /** The runtime replaces these before a node is made, so any property may hold one. */
  const isEnv = (value) => typeof value === 'string' && /^(\$\{\S+\}|\$\(\S+\))$/.test(value);
  const isNumeric = (value) => String(value).trim() !== '' && Number.isFinite(Number(value));
  const asObject = (value) => (typeof value === 'object' && value !== null ? value : {});

  /* ---- provider descriptions, exported by the runtime as an editor setting ---- */

  const providers = () => (Array.isArray(RED.settings.clipProviderProviders) ? RED.settings.clipProviderProviders : []);
  const provider = (id) => providers().find((candidate) => candidate.id === id);

  /** Id of the provider behind a connection, where the editor can know it. */
  function providerOf(connection) {
    const config = connection ? RED.nodes.node(connection) : undefined;
    return config && config.type === 'clip-provider' ? config.provider : undefined;
  }

  const fieldLabel = (id, field) => _(`providers.${id}.${field.name}`, { defaultValue: field.label || field.name });

  /* ---- validation; the same rules as lib/fields.ts ---- */

  /** Does a condition on the settings hold? `undefined`: a variable decides. The same rule as in lib/fields.ts. */
  function holds({ setting, in: wanted }, fields, values) {
    const value = values[setting] ?? fields.find(({ name }) => name === setting)?.default;
    return isEnv(value) ? undefined : wanted.some((each) => each === value || String(each) === value);
  }

  /** As it counts beside these values: what is not needed is not required. */
  function neededField(field, fields, values) {
    const isNeeded = !field.visibleWhen || holds(field.visibleWhen, fields, values) === true;
    return isNeeded ? field : { ...field, required: false };
  }

  /** Why the value does not fit the field; an empty string when it does. */
  function fieldProblem(id, field, given) {
    const value = given ?? field.default;
    const label = fieldLabel(id, field);
    if (isEnv(value)) return '';
    if (field.kind === 'boolean') {
      return [true, false, 'true', 'false', ''].includes(value) ? '' : _('clip-provider.error.boolean', { label });
    }
    const text = String(value ?? '').trim();
    if (text === '' && field.kind !== 'select') {
      return field.required ? _('clip-provider.error.required', { label }) : '';
    }
    if (field.kind === 'number') return numberProblem(text, { label, min: field.min, max: field.max });
    if (field.kind === 'select') {
      return field.choices.some((choice) => choice.value === text) ? '' : _('clip-provider.error.choice', { label });
    }
    if (field.kind === 'url' && !(/^https?:\/\/[^/\s]+/i.test(text) && URL.canParse(text))) {
      return _('clip-provider.error.url', { label });
    }
    if (field.kind === 'url' && hasLogin(text)) return _('clip-provider.error.login', { label });
    return '';
  }

  /** Addresses are stored and shown in the open. */
  function hasLogin(address) {
    const { username, password } = new URL(address);
    return username !== '' || password !== '';
  }

  function numberProblem(value, { label, min, max, above, integer }) {
    if (!isNumeric(value)) return _('clip-provider.error.number', { label });
    const number = Number(value);
    if (integer && !Number.isInteger(number)) return _('clip-provider.error.integer', { label });
    if (above !== undefined && number <= above) return _('clip-provider.error.above', { label, limit: above });
    if (min !== undefined && number < min) return _('clip-provider.error.min', { label, limit: min });
    if (max !== undefined && number > max) return _('clip-provider.error.max', { label, limit: max });
    return '';
  }

  /** All that is wrong with a stored settings or options object: `true` or a list of reasons. */
  function validFields(id, list, stored) {
    const definition = provider(id);
    if (!definition) return true;
    const values = asObject(stored);
    const fields = definition[list] || [];
    const problems = fields.map((field) => fieldProblem(id, neededField(field, fields, values), values[field.name]));
    const reasons = problems.filter((problem) => problem !== '');
    return reasons.length === 0 ? true : reasons;
  }

  function validProvider(id) {
    if (!Array.isArray(RED.settings.clipProviderProviders) || id === undefined || isEnv(id) || provider(id)) {
      return true;
    }
    return _('clip-provider.error.provider', { id });
  }

  function validNumber(value, opt, limits) {
    if (value === undefined || isEnv(value)) return true;
    return numberProblem(value, { ...limits, label: opt.label }) || true;
  }

  function validTyped(node, name, value, opt) {
    const type = current(node, `${name}Type`);
    if (value === undefined || isEnv(value)) return true;
    if (value === '' && type !== 'date') {
      // A missing value is said when the field, or the dialog, is left.
      return isUntyped(node, name) || _('clip-provider.error.required', { label: opt.label });
    }
    return RED.utils.validateTypedProperty(value, type, opt);
  }

  /** A connection is needed unless each message names one. */
  function validConnection(node, value, opt) {
    if (current(node, 'connectionType') === 'msg' || isEnv(value)) return true;
    if (!value || value === '_ADD_') return _('clip-provider.error.required', { label: opt.label });
    const config = RED.nodes.node(value);
    return !!config && config.valid !== false;
  }

  const inputPrefix = (node) => (node._def.category === 'config' ? 'node-config-input' : 'node-input');

  /** In an open dialog, and nobody was there yet. */
  function isUntyped(node, name) {
    const input = $(`#${inputPrefix(node)}-${name}`);
    return input.closest('form').data('videoClipsNode') === node.id && input.data('videoClipsTyped') !== true;
  }

  /** The value in the open dialog when it is this node's, else the stored one. */
  function current(node, name) {
    const input = $(`#${inputPrefix(node)}-${name}`);
    const open = input.length > 0 && input.closest('form').data('videoClipsNode') === node.id;
    return open ? input.val() : node[name];
  }

  Object.assign((RED.videoClips ??= {}), {
    providers,
    provider,
    providerOf,
    fieldLabel,
    fieldProblem,
    holds,
    neededField,
    validFields,
    validProvider,
    validNumber,
    validTyped,
    validConnection,
    current,
    inputPrefix,
    isEnv,
    isNumeric,
    asObject,
  });
})();
