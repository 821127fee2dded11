import MailComposer from 'nodemailer/lib/mail-composer/index.js';
import { bodyOffset } from '../../imap/message-parts.ts';
import type { MailContent, Person } from './content.ts';

/** Fields that belong to the body as it is rendered, whatever an old header block says of another one. */
const OF_BODY = /^(?:content-[\w-]+|mime-version)$/i;

/**
 * MIME of a message that came as properties. `headerBlock` is PidTagTransportMessageHeaders (0x007D): its fields stay as they are,
 * and what describes the body comes from the new one.
 */
export async function renderMime(content: MailContent, headerBlock: string | null): Promise<Buffer> {
  const { subject, body, messageId, sentAt, from, sender } = content;
  const composer = new MailComposer({
    subject,
    from: from === null ? undefined : addressOf(from),
    sender: sender === null || sender.address === from?.address ? undefined : addressOf(sender),
    to: content.to.map(addressOf),
    cc: content.cc.map(addressOf),
    bcc: content.bcc.map(addressOf),
    replyTo: content.replyTo.map(addressOf),
    ...(messageId !== null && { messageId }),
    ...(sentAt !== null && { date: sentAt }),
    ...(body.contentType === 'html' ? { html: body.content } : { text: body.content }),
    textEncoding: 'base64',
    headers: content.headers.map(({ name, value }) => ({ key: name, value })),
    attachments: content.attachments.map(({ name, contentType, isInline, contentId, bytes }) => ({
      filename: name === '' ? false : name,
      contentType,
      content: bytes,
      contentDisposition: isInline ? ('inline' as const) : ('attachment' as const),
      ...(contentId !== null && { cid: contentId }),
    })),
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const node = composer.compile();
  node.keepBcc = true;
  const rendered = await node.build();
  return headerBlock === null ? rendered : underHeaders(rendered, headerBlock);
}

function addressOf({ name, address }: Person): { name: string; address: string } {
  return { name, address };
}

function underHeaders(rendered: Buffer, headerBlock: string): Buffer {
  const at = bodyOffset(rendered);
  const kept = fieldsIn(headerBlock).filter(({ name }) => !OF_BODY.test(name));
  const names = new Set(kept.map(({ name }) => name.toLowerCase()));
  const added = fieldsIn(rendered.toString('latin1', 0, at)).filter(({ name }) => !names.has(name.toLowerCase()));
  const head = [...kept, ...added].map(({ text }) => `${text}\r\n`).join('');
  // A header block that holds more than ASCII was read as UTF-8 from JSON.
  return Buffer.concat([Buffer.from(`${head}\r\n`), rendered.subarray(at)]);
}

/** Fields with their folded lines; what is no field is left out. */
function fieldsIn(block: string): { readonly name: string; readonly text: string }[] {
  const unbroken = block.replaceAll('\r\n', '\n').split(/\n(?![ \t])/);
  return unbroken.flatMap((field) => {
    const name = /^([!-9;-~]+)[ \t]*:/.exec(field)?.[1];
    return name === undefined ? [] : [{ name, text: field.trimEnd().replaceAll('\n', '\r\n') }];
  });
}
