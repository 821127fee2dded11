const MOMENT = /\b\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z/g;

/**
 * The same text with each moment (RFC 3339, UTC) as the clock on the client's wall shows it: `2026-11-23 15:43:22 CET`. Notes of
 * steps keep UTC, because they are compared and stored; people read this.
 */
export function withLocalTimes(text: string, timeZone: string): string {
  return text.replace(MOMENT, (moment) => localTime(moment, timeZone));
}

/** @param moment RFC 3339. @returns it unchanged where it is no moment or the zone is not known. */
export function localTime(moment: string, timeZone: string): string {
  const at = Date.parse(moment);
  if (Number.isNaN(at)) return moment;
  try {
    const parts = new Intl.DateTimeFormat('en-GB', {
      timeZone,
      hourCycle: 'h23',
      ...{ year: 'numeric', month: '2-digit', day: '2-digit' },
      ...{ hour: '2-digit', minute: '2-digit', second: '2-digit', timeZoneName: 'short' },
    }).formatToParts(at);
    const part = (type: Intl.DateTimeFormatPartTypes) => parts.find((each) => each.type === type)?.value ?? '';
    const seconds = part('second') === '00' ? '' : `:${part('second')}`;
    return `${part('year')}-${part('month')}-${part('day')} ${part('hour')}:${part('minute')}${seconds} ${part('timeZoneName')}`;
  } catch {
    return moment; // RangeError: a zone that this Node does not know
  }
}
