const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `date-time` of RFC 3501 §9, in UTC. */
export function formatInternalDate(date: Date): string {
  const day = String(date.getUTCDate()).padStart(2, ' ');
  const year = String(date.getUTCFullYear()).padStart(4, '0');
  return `${day}-${MONTHS[date.getUTCMonth()]}-${year} ${date.toISOString().slice(11, 19)} +0000`;
}

/** Reads a `date-time`; null where it is none. */
export function parseInternalDate(text: string): Date | null {
  const match = /^\s?(\d{1,2})-([A-Za-z]{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)$/.exec(text);
  if (match === null) return null;
  const [day, year, hour, minute, second] = [match[1], match[3], match[4], match[5], match[6]].map(Number);
  const month = MONTHS.findIndex((name) => name.toLowerCase() === match[2]?.toLowerCase());
  if (month < 0) return null;
  const offsetMinutes = (match[7] === '-' ? -1 : 1) * (Number(match[8]) * 60 + Number(match[9]));
  const date = new Date(0);
  date.setUTCFullYear(year ?? 0, month, day);
  date.setUTCHours(hour ?? 0, (minute ?? 0) - offsetMinutes, second ?? 0);
  return date;
}

/** Midnight UTC of a `date` as SEARCH takes it; null where it is none. */
export function parseSearchDate(text: string): Date | null {
  return parseInternalDate(`${text.replaceAll('"', '')} 00:00:00 +0000`);
}
