import type { Message } from '../../domain/mail.ts';
import type { Appended, MailTarget, TargetFolder } from '../../domain/ports/mail.ts';
import { createCopyKeys } from './copy-keys.ts';
import { createMessage } from './create-message.ts';
import { GraphTarget, type GraphTargetOptions } from './graph-target.ts';
import { jsonMessageOf } from './json-message.ts';
import { Staging } from './staging.ts';

/**
 * Writes by a JSON create with MAPI properties (exchange.md §1.3): no draft, dates, state and key by one call, in v1.0. What JSON has no
 * place for is lost, so it is a route for what no other one takes. A message that one request does not hold is put together in a hidden
 * folder and moved when it is whole.
 */
export class GraphJsonTarget extends GraphTarget implements MailTarget {
  readonly route = 'graph-json';
  readonly fidelity = 'parts';
  readonly keys = createCopyKeys(this.calls);
  /** The mailbox's own limit, which nobody tells (exchange.md §1.6). */
  readonly maxMessageBytes = null;
  readonly #staging: Staging;

  constructor(options: GraphTargetOptions) {
    super(options);
    this.#staging = new Staging(this.calls, this.folders);
  }

  async append(folder: TargetFolder, message: Message): Promise<Appended> {
    const made = jsonMessageOf(message);
    const { messageId, changes } =
      (await createMessage(this.calls, folder.id, made)) ??
      (await this.#staging.deliver(folder, message.key ?? null, made));
    const told = [...made.lost, ...changes];
    return {
      id: await this.placeOf(folder, messageId),
      droppedFlags: made.droppedFlags,
      ...(told.length > 0 && { changes: told }),
    };
  }
}
