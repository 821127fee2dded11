import type { Locale } from '../mail/words.ts';

/** The example organisation. Everybody and every name in it is made up; domains end in .test (RFC 6761). */
export const DOMAIN = 'harbour.test';
export const ORGANISATION = 'Harbour & Söhne';
/** Of the client's office: times are told as the clock on their wall shows them. */
export const TIME_ZONE = 'Europe/Berlin';

export interface Employee {
  readonly address: string;
  readonly name: string;
  readonly locale: Locale;
  readonly aliases: readonly string[];
  readonly lists: readonly string[];
  readonly addOns: readonly string[];
}

const FIRST: readonly Omit<Employee, 'address' | 'lists'>[] = [
  { name: 'Office', locale: 'en', aliases: [`info@${DOMAIN}`], addOns: ['activesync', 'spam-filter'] },
  { name: 'Jürgen Weiß', locale: 'de', aliases: [`j.weiss@${DOMAIN}`], addOns: ['activesync'] },
  { name: 'Élodie Lefèvre', locale: 'fr', aliases: [], addOns: ['archive'] },
  { name: 'Maria Brückner', locale: 'de', aliases: [`buchhaltung@${DOMAIN}`], addOns: ['advanced-security'] },
  { name: 'Tom Fisher', locale: 'en', aliases: [], addOns: [] },
  { name: 'Noël Garçon', locale: 'fr', aliases: [], addOns: ['activesync', 'archive'] },
];
const LOCAL_PARTS = ['office', 'juergen', 'elodie', 'maria', 'tom', 'noel'];
const LOCALES: readonly Locale[] = ['en', 'de', 'fr'];

export function employees(count: number): Employee[] {
  return Array.from({ length: count }, (_, index) => {
    const known = FIRST[index];
    const local = LOCAL_PARTS[index] ?? `user${index + 1}`;
    return {
      name: `User ${index + 1}`,
      locale: LOCALES[index % 3] ?? 'en',
      aliases: [],
      addOns: [],
      ...known,
      address: `${local}@${DOMAIN}`,
      lists: index < 4 ? [`team@${DOMAIN}`] : [],
    };
  });
}

/** Who decides for the client. Their addresses lie outside the domain that moves. */
export const MANAGER = {
  id: 'dana',
  name: 'Dana Keller',
  email: 'dana@partner.test',
  codeEmail: 'dana.mobile@phone.test',
} as const;
