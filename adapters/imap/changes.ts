import { MigrationError } from '../../domain/errors.ts';
import type { FolderChange, FolderStatus } from '../../domain/mail.ts';
import type { MailSource } from '../../domain/ports/mail.ts';
import type { ImapConnection } from './connection.ts';
import { toFlags } from './flags.ts';
import { execRaw, type RawResponse, type RawToken, streamRaw, textOf } from './raw-command.ts';
import { parseSet } from './sequence-set.ts';

/**
 * Turns on what the server offers to tell changes by (RFC 7162), before any folder is selected (RFC 5161 §3.1). CONDSTORE needs no
 * ENABLE, since CHANGEDSINCE turns it on. imapflow is not told of either: it would ask for MODSEQ with every FETCH.
 */
export async function enableTracking(connection: ImapConnection): Promise<MailSource['tracks']> {
  const { capabilities } = connection.client;
  if (capabilities.has('QRESYNC') && capabilities.has('ENABLE')) {
    const enabled = new Set<string>();
    const untagged = {
      ENABLED: ({ attributes = [] }: RawResponse) => {
        for (const token of attributes) enabled.add(textOf(token)?.toUpperCase() ?? '');
      },
    };
    try {
      await connection.run('select', {}, async (client) => {
        return await execRaw(client, 'ENABLE', [{ type: 'ATOM', value: 'QRESYNC' }], { untagged });
      });
    } catch (error) {
      // A refusal leaves us where we were.
      if (!(error instanceof MigrationError) || error.kind.scope !== 'folder') throw error;
    }
    if (enabled.has('QRESYNC')) return 'flags-and-vanished';
  }
  return capabilities.has('CONDSTORE') ? 'flags' : 'nothing';
}

/** UID FETCH … CHANGEDSINCE on the examined folder; VANISHED (EARLIER) comes first and is no command more. */
export async function* fetchChanges(
  connection: ImapConnection,
  folderId: string,
  { uidNext, highestModSeq }: FolderStatus,
  withVanished: boolean,
): AsyncGenerator<FolderChange, void, undefined> {
  if (uidNext <= 1 || highestModSeq === null) return;
  const atom = (value: string) => ({ type: 'ATOM', value }) as const;
  const since = [atom('CHANGEDSINCE'), atom(highestModSeq), ...(withVanished ? [atom('VANISHED')] : [])];
  const args = [{ type: 'SEQUENCE', value: `1:${uidNext - 1}` } as const, [atom('UID'), atom('FLAGS')], since];
  const changes = connection.stream({ folder: folderId }, (client) =>
    streamRaw<FolderChange>(client, 'UID FETCH', args, { FETCH: readFlags, VANISHED: readVanished }),
  );
  for await (const change of changes) {
    if (change.kind === 'vanished' || change.uid < uidNext) yield change;
  }
}

/** `* 12 FETCH (UID 7 FLAGS (\Seen) MODSEQ (81))`: the list stands behind the keyword. A row without one of both is other news. */
function readFlags({ attributes = [] }: RawResponse): readonly FolderChange[] {
  const list = attributes[1];
  if (!Array.isArray(list)) return [];
  const item = (name: string): RawToken | undefined => {
    const at = list.findIndex((token, index) => index % 2 === 0 && textOf(token)?.toUpperCase() === name);
    return at < 0 ? undefined : list[at + 1];
  };
  const uid = Number(textOf(item('UID')));
  const flags = item('FLAGS');
  if (!Number.isSafeInteger(uid) || uid < 1 || !Array.isArray(flags)) return [];
  return [{ kind: 'flags', uid, flags: toFlags(flags.map(textOf).filter((flag) => flag !== null)) }];
}

/** `* VANISHED (EARLIER) 41,43:116`, and without the tag for what goes in this very moment (RFC 7162 §3.2.10). */
function readVanished({ attributes = [] }: RawResponse): readonly FolderChange[] {
  const set = textOf(attributes.findLast((token) => !Array.isArray(token))) ?? '';
  const ranges = parseSet(set);
  if (ranges === null) throw new Error('VANISHED without a set of UIDs'); // the connection takes the response for dropped
  return ranges.map(([firstUid, lastUid]) => ({ kind: 'vanished', firstUid, lastUid }));
}
