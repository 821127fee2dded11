import { createHash } from 'node:crypto';
import type { Attachment } from '../mail/content.ts';
import type { Located } from './mailbox.ts';

/** Stays while the message keeps its attachments in order, which it does: they are only ever added. */
export function attachmentId({ item }: Located, at: number): string {
  return `AAMkAtt${createHash('sha256').update(`${item.id} ${at}`).digest('base64url')}`;
}

export function attachmentView(attachment: Attachment, id: string): object {
  const { name, contentType, isInline, contentId, bytes } = attachment;
  return {
    '@odata.type': '#microsoft.graph.fileAttachment',
    '@odata.mediaContentType': contentType,
    id,
    name,
    contentType,
    size: bytes.length,
    isInline,
    contentId,
    contentBytes: bytes.toString('base64'),
  };
}
