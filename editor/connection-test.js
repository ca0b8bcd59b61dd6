/* Adds the button that tests a connection as it stands in its dialog to RED.videoClips. */
(function () {
  'use strict';

  const CATALOG = '@vms-nodes/node-red-video-clips/clip-provider';
  const HIDDEN = '__PWRD__';
  /** Less than this may be the way the question took. */
  const CLOCKS_AGREE_MS = 2000;
  const clips = (RED.videoClips ??= {});

  const _ = (key, options) => RED._(`${CATALOG}:${key}`, options);

  /** The connection in the open dialog. What the editor only knows to be stored is left out: the runtime has it. */
  function draftOfDialog(node, settings) {
    const input = (name) => $(`#node-config-input-${name}`);
    const chosen = (name) => (RED.nodes.node(input(name).val()) ? input(name).val() : '');
    const provider = input('provider').val();
    const slots = Object.keys(clips.provider(provider)?.credentials || {});
    const typed = slots.map((slot) => [slot, input(slot).val()]).filter(([, value]) => value !== HIDDEN);
    const credentials = Object.fromEntries(typed);
    return {
      id: node.id,
      z: node.z || '',
      provider,
      settings,
      credentials,
      tls: chosen('tls'),
      proxy: chosen('proxy'),
    };
  }

  function line(kind, icon, text) {
    const item = $('<div class="video-clips-line">').addClass(`video-clips-${kind}`);
    return item.append($('<i class="fa fa-fw" aria-hidden="true">').addClass(icon), $('<span>').text(text));
  }

  const warning = (text) => line('warning', 'fa-exclamation-triangle', text);
  const fact = (icon, text) => line('fact', icon, text);

  /** "12 seconds", in the language of the editor. */
  function duration(ms) {
    const units = { day: 86_400_000, hour: 3_600_000, minute: 60_000, second: 1000 };
    const unit = Object.keys(units).find((each) => ms >= 2 * units[each]) || 'second';
    const format = { style: 'unit', unit, unitDisplay: 'long', maximumFractionDigits: 0 };
    return new Intl.NumberFormat(RED.i18n.lang() || undefined, format).format(ms / units[unit]);
  }

  function clock(skewMs) {
    if (Math.abs(skewMs) < CLOCKS_AGREE_MS) return fact('fa-clock-o', _('clip-provider.test.clockRight'));
    const time = duration(Math.abs(skewMs));
    return warning(
      skewMs > 0 ? _('clip-provider.test.clockAhead', { time }) : _('clip-provider.test.clockBehind', { time }),
    );
  }

  function success({ name, version, cameras, clockSkewMs, warnings }) {
    const lines = [line('success', 'fa-check-circle', [name, version].filter(Boolean).join(' '))];
    if (cameras !== undefined)
      lines.push(fact('fa-video-camera', _('clip-provider.test.cameras', { number: cameras })));
    if (clockSkewMs !== undefined) lines.push(clock(clockSkewMs));
    return [...lines, ...warnings.map(warning)];
  }

  function failure(error) {
    const { words, detail } = clips.explain(error);
    const first = line('failure', 'fa-times-circle', words);
    return detail ? [first, line('detail', '', detail)] : [first];
  }

  /** Obstacles that only the editor can see. */
  function undeployed({ tls, proxy }) {
    const changed = [tls, proxy].map((id) => RED.nodes.node(id)).filter((each) => each?.changed);
    return changed.map((each) => warning(_('clip-provider.test.undeployed', { name: RED.utils.getNodeLabel(each) })));
  }

  /**
   * `wrong`: the control whose value does not hold, if there is one; `draft`: the connection to test.
   * Returns a function that ends it, for when the dialog closes.
   */
  function connectionTest({ button, result, wrong, draft }) {
    let giveUp;

    function show(lines, isRunning = false) {
      result.empty().append(lines).attr('aria-busy', String(isRunning));
      button.find('span').text(isRunning ? _('clip-provider.test.stop') : _('clip-provider.test.start'));
      RED.tray.resize();
    }

    function stop() {
      if (!giveUp && result.is(':empty')) return;
      giveUp?.();
      giveUp = undefined;
      show([]);
    }

    function start() {
      const input = wrong();
      if (input) {
        input.trigger('focus');
        return show([line('failure', 'fa-times-circle', _('clip-provider.test.invalid'))]);
      }
      const tested = draft();
      show([line('fact', 'fa-spinner fa-spin', _('clip-provider.test.running'))], true);
      giveUp = clips.ask('check', tested, (answer) => {
        giveUp = undefined;
        show([...(answer.error ? failure(answer.error) : success(answer)), ...undeployed(tested)]);
        result[0].scrollIntoView({ block: 'nearest' });
      });
    }

    button.on('click', () => (giveUp ? stop() : start()));
    // A result is about what was tested.
    button.closest('form').on('input change', stop);
    button.find('span').text(_('clip-provider.test.start'));
    return stop;
  }

  Object.assign(clips, { connectionTest, draftOfDialog });
})();
