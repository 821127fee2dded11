import { MigrationError } from '../../domain/errors.ts';
import type { Message } from '../../domain/mail.ts';
import type { Appended, MailTarget, TargetFolder } from '../../domain/ports/mail.ts';
import { findRow, messagePath } from './copies.ts';
import { stateFields, stateOf, stateProperties } from './flags.ts';
import { pathOf } from './folders.ts';
import { GraphTarget } from './graph-target.ts';
import { insist } from './insist.ts';
import { mailError } from './mail-errors.ts';
import { type Json, jsonOf } from './mailbox-calls.ts';
import { PROPERTY } from './property-ids.ts';
import { textOf, toSeconds } from './rows.ts';

/** A request of 4 MB holds 3 MB of MIME as base64 (exchange.md §1.6). */
const MAX_MIME_BYTES = 3_000_000;

/**
 * Writes by `importMime` (exchange.md §1.5; beta): the message as it is, no draft. Its state follows by a second call that twice is the
 * same as once.
 *
 * It has no keys. The call has no place for one, and one that were put on afterwards would be a proof of nothing: a message without it
 * may be a copy of ours whose second call never came. What happened after a lost answer is found by what it says in the range of UIDs;
 * its date is restored and its flags follow then.
 */
export class ImportMimeTarget extends GraphTarget implements MailTarget {
  readonly route = 'import-mime';
  readonly fidelity = 'content';
  readonly keys = null;
  readonly maxMessageBytes = MAX_MIME_BYTES;

  async append(folder: TargetFolder, message: Message): Promise<Appended> {
    const facts = { folder: folder.id, sizeBytes: message.raw.length };
    if (message.raw.length > MAX_MIME_BYTES) {
      throw new MigrationError('MESSAGE_TOO_LARGE', 'The message is over what one request holds.', { facts });
    }
    const call = {
      name: 'import message',
      version: 'beta' as const,
      path: `${pathOf(folder.id)}/importMime`,
      body: message.raw.toString('base64'),
      facts,
    };
    const outcome = await this.calls.attempt('POST', call);
    if (outcome.did !== 'happen') throw mailError({ name: call.name, effect: true }, outcome, 'message', facts);
    const row = jsonOf(call, outcome);
    const messageId = textOf(row, 'id');
    if (messageId === null)
      throw new MigrationError('CONNECTION_LOST', 'The target does not tell what it made.', { facts });
    const lost = await this.#setState(messageId, message, row);
    return { id: await this.placeOf(folder, messageId), ...lost };
  }

  async restoreDate(folder: TargetFolder, uid: number, receivedAt: string): Promise<boolean> {
    const row = await findRow(this.calls, folder.id, uid);
    if (row === null || row.internalDate === receivedAt) return true;
    const date = [{ id: PROPERTY.received, value: receivedAt }];
    return await this.#patch(row.id, { singleValueExtendedProperties: date }, [400, 403]);
  }

  /** What a mailbox shows of a message beside its bytes, and what of it could not be had. @throws CONNECTION_LOST */
  async #setState(messageId: string, message: Message, row: Json): Promise<Omit<Appended, 'id'>> {
    const { state, dropped } = stateOf(message.flags);
    const isDraftWanted = message.flags.some((flag) => flag.toLowerCase() === '\\draft');
    const fields = stateFields(state);
    const properties = stateProperties(state);
    const isPlain = !state.isRead && row['isRead'] === false && Object.keys(fields).length === 1;
    const isSame = isPlain && properties.length === 0;
    const isDue = message.receivedAt !== null && toSeconds(textOf(row, 'receivedDateTime')) !== message.receivedAt;
    const date = isDue ? [{ id: PROPERTY.received, value: message.receivedAt ?? '' }] : [];
    const bodyOf = (values: readonly Json[]) => ({
      ...fields,
      ...(values.length > 0 && { singleValueExtendedProperties: values }),
    });
    // Together where the tenant lets us; the date may need a right of its own (exchange.md §1.4), the state never does.
    const isWhole = (isSame && !isDue) || (await this.#patch(messageId, bodyOf([...properties, ...date]), [400, 403]));
    const isSet = isWhole || (isDue && (isSame || (await this.#patch(messageId, bodyOf(properties), [400]))));
    const isDated = isWhole || !isDue;
    const changes = [
      ...(isSet ? [] : ['The target did not take its state: whether it is read, and its flags.']),
      ...(isDated ? [] : ['The target keeps its own date of arrival.']),
      ...(row['isDraft'] === true ? ['The target made a draft of it.'] : []),
    ];
    return {
      droppedFlags: isDraftWanted && row['isDraft'] !== true ? [...dropped, '\\Draft'] : dropped,
      ...(changes.length > 0 && { changes }),
    };
  }

  /**
   * @param refusals  statuses by which a tenant says that it does not take this of a message that is no draft (exchange.md §1.4)
   * @returns false after one of them
   */
  async #patch(messageId: string, body: Json, refusals: readonly number[]): Promise<boolean> {
    const call = { name: 'set state of message', path: messagePath(messageId), body };
    return await insist(
      'its state could not be set',
      (ms) => this.calls.pause(ms),
      async () => {
        const outcome = await this.calls.attempt('PATCH', call);
        if (outcome.did === 'happen') return true;
        if (outcome.did === 'not happen' && refusals.includes(outcome.status ?? 0)) return false;
        throw mailError({ name: call.name, effect: true }, outcome, 'message');
      },
    );
  }
}
