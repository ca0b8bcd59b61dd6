/* Shows the three secrets of a connection, by the names of its provider, and which of them it needs. Part of RED.videoClips. */
(function () {
  'use strict';

  const CATALOG = '@vms-nodes/node-red-video-clips/clip-provider';
  const SLOTS = ['username', 'password', 'token'];
  const HIDDEN = '__PWRD__';
  const clips = (RED.videoClips ??= {});

  const _ = (key, options) => RED._(`${CATALOG}:${key}`, options);
  const slotLabel = (id, slot, text) => _(`credentials.${id}.${slot}`, { defaultValue: text.label || slot });
  const slotHint = (id, slot, text) => _(`credentialHints.${id}.${slot}`, { defaultValue: text.hint || '' });
  const slotInput = (slot) => $(`#node-config-input-${slot}`);
  const inputValues = () => Object.fromEntries(SLOTS.map((slot) => [slot, slotInput(slot).val()]));
  const isFilled = (value) => String(value ?? '').trim() !== '';

  /** The rule that counts for these settings, if any. */
  function ruleFor(provider, settings) {
    const concerns = ({ when }) => !when || clips.holds(when, provider.settings, settings) === true;
    return (provider?.requiredCredentials || []).find(concerns);
  }

  /** Slots that are empty and must not be. The same rule as in lib/node-red/credentials.ts. */
  function missingSlots(provider, settings, values) {
    const ways = ruleFor(provider, settings)?.anyOf || [];
    const missingOf = (way) => way.filter((slot) => !isFilled(values[slot]));
    if (ways.some((way) => missingOf(way).length === 0)) return [];
    return missingOf(ways.find((way) => missingOf(way).length < way.length) ?? ways[0] ?? []);
  }

  const isOpen = (node) => slotInput('username').closest('form').data('videoClipsNode') === node.id;

  /** The editor's knowledge of a connection's secrets; `undefined`: nothing, before its dialog was opened. */
  function knownValues(node) {
    if (isOpen(node)) return inputValues();
    const { credentials } = node;
    if (!credentials) return undefined;
    const valueOf = (slot) => credentials[slot] || (credentials[`has_${slot}`] ? HIDDEN : '');
    return Object.fromEntries(SLOTS.map((slot) => [slot, valueOf(slot)]));
  }

  const problemOf = (id, slot, provider) =>
    _('clip-provider.error.required', { label: slotLabel(id, slot, provider.credentials[slot]) });

  /** `true`, or a list of what is missing. */
  function validCredentials(node, settings) {
    const provider = clips.provider(node.provider);
    const values = provider && knownValues(node);
    if (!values) return true;
    const missing = missingSlots(provider, clips.asObject(settings), values);
    return missing.length === 0 || missing.map((slot) => problemOf(node.provider, slot, provider));
  }

  /**
   * The inputs of the three secrets. They are shared by all providers, so each provider gets inputs of its own, so to speak: a
   * secret of one vendor is neither shown, nor stored, nor sent for another one. Choosing the first one again brings back
   * what stood there. A provider that is not known here keeps its secrets.
   *
   * settings(): those of the form.
   */
  function slotForms(settings) {
    const kept = new Map();
    let shown;

    /** Slots in which somebody has been. */
    const touched = new Set();

    function label(id, slot, declared) {
      const row = clips.showIf($(`.video-clips [data-slot="${slot}"]`), declared !== undefined);
      if (declared === undefined) return;
      const hint = slotHint(id, slot, declared);
      row.find('.video-clips-slot').text(slotLabel(id, slot, declared));
      clips.showIf(row.find('.video-clips-hint').text(hint), hint !== '');
    }

    const rowOf = (slot) => $(`.video-clips [data-slot="${slot}"]`);

    /** The credentials that are needed now, and those of them that are missing where somebody has been. */
    function arrange() {
      const provider = clips.provider(shown);
      if (!provider) return;
      const values = settings();
      const missing = missingSlots(provider, values, inputValues());
      const [needed = []] = ruleFor(provider, values)?.anyOf || [];
      for (const slot of SLOTS) {
        const declared = provider.credentials[slot];
        if (!declared) continue;
        const input = slotInput(slot);
        const isShown = !declared.visibleWhen || clips.holds(declared.visibleWhen, provider.settings, values) !== false;
        clips.showIf(rowOf(slot), isShown || isFilled(input.val()));
        rowOf(slot).find('.video-clips-slot').toggleClass('video-clips-required', needed.includes(slot));
        const isWrong = missing.includes(slot) && touched.has(slot);
        input.toggleClass('input-error', isWrong).attr('aria-invalid', String(isWrong));
        const problem = isWrong ? problemOf(shown, slot, provider) : '';
        clips.showIf(rowOf(slot).find('.video-clips-problem').text(problem), isWrong);
      }
    }

    for (const slot of SLOTS) {
      const id = `node-config-input-${slot}-problem`;
      $('<div class="video-clips-problem" role="status">').attr('id', id).hide().appendTo(rowOf(slot));
      slotInput(slot)
        .attr('aria-describedby', id)
        .on('input change blur', ({ type }) => {
          if (type !== 'change') touched.add(slot);
          arrange();
        });
    }

    /** The first that is missing, in view. */
    function wrong() {
      const [first] = missingSlots(clips.provider(shown), settings(), inputValues());
      if (first) touched.add(first);
      arrange();
      return first && slotInput(first);
    }

    function show(id) {
      const provider = clips.provider(id);
      const slots = provider?.credentials || {};
      if (shown !== id && shown !== undefined) {
        kept.set(shown, inputValues());
        for (const slot of SLOTS) slotInput(slot).val(kept.get(id)?.[slot] ?? '');
      }
      if (shown !== id) touched.clear();
      shown = id;
      for (const slot of SLOTS) {
        label(id, slot, slots[slot]);
        if (provider && slots[slot] === undefined) slotInput(slot).val('');
      }
      arrange();
    }

    return { show, arrange, wrong };
  }

  Object.assign(clips, { slotForms, validCredentials });
})();
