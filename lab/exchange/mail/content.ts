import PostalMime, { type Address } from 'postal-mime';

export interface Person {
  readonly name: string;
  readonly address: string;
}

export interface Attachment {
  readonly name: string;
  readonly contentType: string;
  readonly isInline: boolean;
  /** Without angle brackets. */
  readonly contentId: string | null;
  readonly bytes: Buffer;
}

/** A message as Graph shows it: one body, attachments, no structure (exchange.md §1.3). */
export interface MailContent {
  readonly subject: string;
  readonly body: { readonly contentType: 'text' | 'html'; readonly content: string };
  readonly from: Person | null;
  readonly sender: Person | null;
  readonly to: readonly Person[];
  readonly cc: readonly Person[];
  readonly bcc: readonly Person[];
  readonly replyTo: readonly Person[];
  /** With angle brackets. */
  readonly messageId: string | null;
  readonly sentAt: Date | null;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  readonly attachments: readonly Attachment[];
}

export async function contentOf(raw: Buffer): Promise<MailContent> {
  const mail = await PostalMime.parse(raw, { forceRfc822Attachments: true, attachmentEncoding: 'arraybuffer' });
  const from = peopleOf(mail.from)[0] ?? null;
  return {
    subject: mail.subject ?? '',
    body:
      mail.html === undefined
        ? { contentType: 'text', content: mail.text ?? '' }
        : { contentType: 'html', content: mail.html },
    from,
    sender: peopleOf(mail.sender)[0] ?? from,
    to: peopleOf(...(mail.to ?? [])),
    cc: peopleOf(...(mail.cc ?? [])),
    bcc: peopleOf(...(mail.bcc ?? [])),
    replyTo: peopleOf(...(mail.replyTo ?? [])),
    messageId: mail.messageId ?? null,
    sentAt: dateOf(mail.headers.find(({ key }) => key === 'date')?.value),
    headers: mail.headers.map(({ originalKey, value }) => ({ name: originalKey, value })),
    attachments: mail.attachments.map(({ filename, mimeType, disposition, related, contentId, content }) => ({
      name: filename ?? '',
      contentType: mimeType,
      isInline: related === true || disposition === 'inline',
      contentId: contentId?.replace(/^<|>$/g, '') ?? null,
      bytes: typeof content === 'string' ? Buffer.from(content) : Buffer.from(new Uint8Array(content)),
    })),
  };
}

function peopleOf(...addresses: readonly (Address | undefined)[]): Person[] {
  return addresses.flatMap((one) => {
    if (one === undefined) return [];
    return one.group === undefined ? [{ name: one.name, address: one.address }] : one.group;
  });
}

function dateOf(text: string | undefined): Date | null {
  const at = Date.parse(text ?? '');
  return Number.isNaN(at) ? null : new Date(at);
}
