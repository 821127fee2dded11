import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import MailComposer from 'nodemailer/lib/mail-composer/index.js';
import type { Notifier } from '../../domain/ports/services.ts';
import { messageOf } from './smtp-notifier.ts';

/**
 * Writes notifications as `.eml` files, for installations without SMTP: links and codes are then in a folder that only its owner
 * can read. The same id twice is one file.
 */
export function createFileNotifier(folder: string, from: string): Notifier {
  return {
    async send(notification) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const message = await new MailComposer(messageOf(notification, from)).compile().build();
      const file = join(folder, `${notification.id.replaceAll(/[^\w-]/g, '_')}.eml`);
      // Renamed into place, so that whoever watches the folder never reads half a message.
      await writeFile(`${file}.part`, message, { mode: 0o600 });
      await rename(`${file}.part`, file);
    },
  };
}
