/** No date is longer, and what is longer is not read. */
const MAX_TEXT = 300;
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
/** RFC 5322 §4.3, in hours. Letters of the military are wrong in both directions too often to mean anything but UTC. */
const ZONES: Readonly<Record<string, number>> = {
  edt: -4,
  est: -5,
  cdt: -5,
  cst: -6,
  mdt: -6,
  mst: -7,
  pdt: -7,
  pst: -8,
};

const CLOCK = String.raw`(\d{1,2}) ?: ?(\d{1,2})(?: ?: ?(\d{1,2}))?(?:[.,]\d+)?`;
const ZONE = String.raw`(?: ?([+-]\d{4}|[a-z]{1,5}))?`;
/** `Mon, 6 Jan 2020 10:00:00 +0100`, also with the dashes of INTERNALDATE (RFC 9051 §9) and of Netscape. */
const MAIL = new RegExp(
  String.raw`^(?:[a-z]+ ?,? ?)?(\d{1,2})[ -]([a-z]{3})[a-z]*[ -](\d{2,4}),? ${CLOCK}${ZONE}`,
  'i',
);
/** `Mon Jan 6 10:00:00 2020`, as asctime writes it. */
const ASCTIME = new RegExp(String.raw`^[a-z]+,? ([a-z]{3})[a-z]* (\d{1,2}),? ${CLOCK} (?:[a-z]+ )?(\d{4})${ZONE}`, 'i');
/** RFC 3339. */
const ISO = new RegExp(String.raw`^(\d{4})-(\d{2})-(\d{2})[ t]${CLOCK}(?:z| ?([+-]\d{2}:?\d{2}))?`, 'i');

/**
 * When a date of a mail header is, in milliseconds of the epoch, whole seconds; null where it is none. Reads RFC 5322 §3.3 and the
 * obsolete forms of §4.3: comments and blanks anywhere, years of two and three digits, zones by name. A missing or unknown zone is UTC.
 */
export function parseMailDate(text: string): number | null {
  const plain = withoutComments(text.slice(0, MAX_TEXT))
    .replace(/[\s"]+/g, ' ')
    .trim();
  const mail = MAIL.exec(plain);
  if (mail !== null) {
    const [, day, month, year, hour, minute, second, zone] = mail;
    return instantOf([fullYear(year), monthOf(month), day, hour, minute, second], zone);
  }
  const asctime = ASCTIME.exec(plain);
  if (asctime !== null) {
    const [, month, day, hour, minute, second, year, zone] = asctime;
    return instantOf([fullYear(year), monthOf(month), day, hour, minute, second], zone);
  }
  const iso = ISO.exec(plain);
  if (iso === null) return null;
  const [, year, month, day, hour, minute, second, zone] = iso;
  return instantOf([Number(year), Number(month) - 1, day, hour, minute, second], zone?.replace(':', ''));
}

type Parts = [year: number, month: number, ...rest: (string | undefined)[]];

function instantOf([year, month, ...rest]: Parts, zone: string | undefined): number | null {
  const [day = 0, hour = 0, minute = 0, second = 0] = rest.map((part) => Number(part ?? 0));
  const date = new Date(0);
  date.setUTCFullYear(year, month, day); // Date.UTC takes the years 0 to 99 for 1900 to 1999
  if (date.getUTCMonth() !== month || date.getUTCDate() !== day) return null;
  if (hour > 23 || minute > 59 || second > 60) return null;
  return date.getTime() + ((hour * 60 + minute) * 60 + second) * 1000 - offsetMinutes(zone) * 60_000;
}

function offsetMinutes(zone = ''): number {
  if (!/^[+-]/.test(zone)) return (ZONES[zone.toLowerCase()] ?? 0) * 60;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3));
  if (minutes > 24 * 60) return 0;
  return zone.startsWith('-') ? -minutes : minutes;
}

function monthOf(name = ''): number {
  return MONTHS.indexOf(name.toLowerCase());
}

/** RFC 5322 §4.3: 00 to 49 are of this century, 50 to 99 and three digits count from 1900. */
function fullYear(text = ''): number {
  const year = Number(text);
  if (text.length > 3) return year;
  return year < 50 && text.length === 2 ? year + 2000 : year + 1900;
}

function withoutComments(text: string): string {
  let depth = 0;
  let plain = '';
  for (const character of text) {
    if (character === '(') depth += 1;
    else if (character === ')' && depth > 0) depth -= 1;
    else if (depth === 0) plain += character;
    if (character === ')' && depth === 0) plain += ' ';
  }
  return plain;
}
