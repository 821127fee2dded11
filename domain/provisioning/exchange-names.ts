/**
 * Why Exchange or Entra would refuse an address, in words that follow it; null where nothing is known against it. Rules: user names
 * are 64 characters of A-Z a-z 0-9 and ' . - _ ! # ^ ~ before the @ and 48 behind it, with no dot at either end and none beside another
 * (learn.microsoft.com, "Prepare for provisioning through directory synchronization"); Exchange takes more characters in
 * further addresses (RFC 5322 atoms), and neither takes anything outside ASCII before the @.
 */
export function faultOfAddress(address: string, use: 'sign-in' | 'further'): string | null {
  const at = address.lastIndexOf('@');
  const local = address.slice(0, Math.max(0, at));
  const domain = address.slice(at + 1);
  if (at < 1 || domain === '') return 'is not a mail address';
  if (local.length > 64) return `has ${local.length} characters before the @; 64 are allowed`;
  if (/[^\u0000-\u007f]/.test(local))
    return 'has letters before the @ that are not ASCII, for which Exchange has no room';
  if (local.startsWith('.') || local.endsWith('.')) return 'has a dot at the beginning or end of the part before the @';
  if (local.includes('..')) return 'has two dots side by side before the @';
  const bad = (use === 'sign-in' ? /[^A-Za-z0-9'._!#^~-]/ : /[^A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]/).exec(local)?.[0];
  if (bad !== undefined) {
    const of = use === 'sign-in' ? 'a user name may not hold' : 'an address in Exchange may not hold';
    return `holds ${bad === ' ' ? 'a space' : `\`${bad}\``} before the @, which ${of}`;
  }
  if (use === 'sign-in' && domain.length > 48) {
    return `has ${domain.length} characters behind the @; a user name may have 48`;
  }
  if (RESERVED.test(local)) return "is a name of Exchange's own system mailboxes";
  return null;
}

/** Arbitration, discovery, health and migration mailboxes, which each organisation has (Get-Mailbox -Arbitration). */
const RESERVED =
  /^(?:systemmailbox|discoverysearchmailbox|federatedemail|healthmailbox|microsoftexchange|msexchdiscoverymailbox|migration\.8f3e7716)/i;

/** Display names: at most 256 characters (user resource of Graph), and none that end a line. */
export function faultOfDisplayName(name: string): string | null {
  if (name.length > 256) return `has ${name.length} characters; 256 are allowed`;
  return /[\u0000-\u001f\u007f]/.test(name) ? 'holds a line end or another control character' : null;
}
