import { markOf } from './marks.ts';
import { Originals } from './originals.ts';
import type { DeliveredCopy, FolderEntry, Ledger } from './ports/ledger.ts';
import type { MailSource, MailTarget } from './ports/mail.ts';

/**
 * Makes the mark of a copy anew from the message at the source: for copies that were brought by a route that gave back more than
 * the one by which the target is read now. Costs nothing until it is asked for.
 *
 * @returns of a copy its mark; null where the source has the message no more
 */
export function markAtSource(
  source: MailSource,
  ledger: Ledger,
  mailboxId: string,
  { fidelity }: MailTarget,
): (copy: DeliveredCopy) => Promise<string | null> {
  let originals: Promise<Originals> | null = null;
  const open = async () => {
    const folders = new Map(
      (await ledger.listFolders(mailboxId)).map((entry): [string, FolderEntry] => [entry.id, entry]),
    );
    return new Originals(async () => ({ source, close: async () => undefined }), folders);
  };
  return async (copy) => {
    originals ??= open();
    let mark: string | null = null;
    await (await originals).read([copy], (_, raw) => {
      mark = markOf(raw, fidelity);
    });
    return mark;
  };
}
