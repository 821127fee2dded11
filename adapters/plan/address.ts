import { domainToASCII } from 'node:url';

/** Host names of RFC 1123 §2.1, in their ASCII form; `null` for what is none. */
export function readHostname(text: string): string | null {
  if (text === '' || /[\s/@:%#?\\]/.test(text)) return null;
  const ascii = domainToASCII(text.replace(/\.$/, ''));
  if (ascii === '' || ascii.length > 253) return null;
  return ascii.split('.').every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?$/.test(label)) ? ascii : null;
}

/**
 * An address with a dot-atom local part (RFC 5321 §4.1.2). Quoted local parts are refused because Exchange refuses them.
 * @returns the address with its domain in lower-case ASCII, or null.
 */
export function readAddress(text: string): string | null {
  const at = text.lastIndexOf('@');
  if (at < 1) return null;
  const local = text.slice(0, at);
  const domain = readHostname(text.slice(at + 1));
  if (domain === null || !domain.includes('.') || local.length > 64) return null;
  return /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/.test(local)
    ? `${local}@${domain}`
    : null;
}

export function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1).toLowerCase();
}

/** Whether a domain is one of `domains` or lies below one of them. */
export function isWithin(domain: string, domains: readonly string[]): boolean {
  return domains.some((moving) => domain === moving || domain.endsWith(`.${moving}`));
}

/** `file:…` or `env:NAME`. */
export function isSecretRef(text: string): boolean {
  return /^file:\S.*$/.test(text) || /^env:[A-Za-z_][A-Za-z0-9_]*$/.test(text);
}

/** Never repeats the value: a fault is printed, logged and sent over the wire. */
export const SECRET_FAULT =
  'must be a reference, `file:path` or `env:NAME`. A secret itself does not belong into a plan (it is not repeated here).';
