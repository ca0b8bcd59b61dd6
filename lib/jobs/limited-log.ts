// Limits equal log lines to one a minute, with a count of those left out.
import { systemClock, type Clock } from '../async/clock';

const intervalMs = 60_000;
/** So many different lines are remembered; beyond, the oldest is forgotten and may appear once more. */
const mostLines = 200;

interface Line {
  loggedAt: number;
  omitted: number;
}

/** Lines are equal where they differ in numbers and ids only. */
export function limitedLog(log: (text: string) => void, clock: Clock = systemClock): (text: string) => void {
  const lines = new Map<string, Line>();
  return (text) => {
    const key = text.replace(/\b[0-9a-f-]{8,}\b|\d+/g, '#');
    const line = lines.get(key);
    if (line && clock.steadyNow() - line.loggedAt < intervalMs) {
      line.omitted += 1;
      return;
    }
    lines.delete(key);
    lines.set(key, { loggedAt: clock.steadyNow(), omitted: 0 });
    if (lines.size > mostLines) lines.delete(lines.keys().next().value!);
    log(line?.omitted ? `${text} (and ${line.omitted} times more since it was logged last)` : text);
  };
}
