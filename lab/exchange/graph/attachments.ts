import { type HttpAnswer, jsonOf } from '../front.ts';
import { graphRefusal } from '../refusal.ts';
import { attachmentId, attachmentView } from './attachment-view.ts';
import { contentFor, getMessage, type MailCall } from './mailbox.ts';
import { readAttachment } from './message-body.ts';
import { checkOptions, collection } from './query.ts';
import { checkSensitive, rewrite } from './update-message.ts';

/** `GET messages/{id}/attachments` */
export async function listAttachments(call: MailCall): Promise<HttpAnswer> {
  checkOptions(call);
  const located = getMessage(call, call.ids[0] ?? '');
  const { attachments } = await contentFor(call.world, located.message);
  const views = attachments.map((one, at) => attachmentView(one, attachmentId(located, at)));
  return await collection(call, views, (view) => view);
}

/** `GET messages/{id}/attachments/{id}` */
export async function readAttachmentView(call: MailCall): Promise<HttpAnswer> {
  const located = getMessage(call, call.ids[0] ?? '');
  const { attachments } = await contentFor(call.world, located.message);
  const at = attachments.findIndex((_one, index) => attachmentId(located, index) === call.ids[1]);
  const found = attachments[at];
  if (found === undefined) {
    throw graphRefusal(404, 'ErrorItemNotFound', 'The specified object was not found in the store.');
  }
  return { status: 200, body: attachmentView(found, attachmentId(located, at)) };
}

/** `POST messages/{id}/attachments`: below 3 MB (exchange.md §1.6). */
export async function addAttachment(call: MailCall): Promise<HttpAnswer> {
  const located = getMessage(call, call.ids[0] ?? '');
  checkSensitive(call, located, 'attachments');
  const attachment = readAttachment(jsonOf(call));
  const { attachments } = await contentFor(call.world, located.message);
  const changed = await rewrite(call, located, { attachments: [...attachments, attachment] });
  changed.item.changeKey = call.world.items.nextChangeKey();
  return { status: 201, body: attachmentView(attachment, attachmentId(changed, attachments.length)) };
}
