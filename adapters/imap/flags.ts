/** RFC 9051 §2.3.2 has these system flags; Dovecot answers BAD to any other that begins with a backslash. */
const SYSTEM_FLAGS: ReadonlySet<string> = new Set(['\\seen', '\\answered', '\\flagged', '\\deleted', '\\draft']);
/** flag-keyword is an atom (RFC 3501 §9); `]` is taken by the servers at hand and used by clients. */
const ATOM = /^[!#$&'+-Z[\]^-z|}~]+$/;

export function toFlags(flags: Iterable<string> | undefined): readonly string[] {
  return [...(flags ?? [])].filter((flag) => !isRecent(flag)).toSorted();
}

/** Parts flags in those that can be written in a command and those that cannot; `\Recent`, the server's own, is in neither. */
export function partFlags(
  flags: readonly string[],
  isTaken: (flag: string) => boolean = () => true,
): { readonly taken: readonly string[]; readonly dropped: readonly string[] } {
  const own = flags.filter((flag) => !isRecent(flag));
  const isGood = (flag: string) => isWritable(flag) && isTaken(flag);
  return { taken: own.filter(isGood), dropped: own.filter((flag) => !isGood(flag)) };
}

/** By PERMANENTFLAGS (RFC 3501 §7.1): none told means that all can be set. */
export function takesFlag(permanentFlags: Iterable<string> | undefined): (flag: string) => boolean {
  if (permanentFlags === undefined) return () => true;
  const known = new Set([...permanentFlags].map((flag) => flag.toLowerCase()));
  return (flag) => known.has(flag.toLowerCase()) || (isKeyword(flag) && known.has('\\*'));
}

export function isKeyword(flag: string): boolean {
  return !flag.startsWith('\\');
}

function isWritable(flag: string): boolean {
  // A keyword named NIL reads as "nothing" in every parser, ours included.
  return isKeyword(flag) ? ATOM.test(flag) && flag.toUpperCase() !== 'NIL' : SYSTEM_FLAGS.has(flag.toLowerCase());
}

function isRecent(flag: string): boolean {
  return flag.toLowerCase() === '\\recent';
}
