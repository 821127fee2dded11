import { fstatSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { startImapServer } from './imap/server.ts';
import { MailStore } from './imap/store.ts';
import { largeFolder } from './mail/large-folder.ts';

/**
 * An IMAP source of any size as a process of its own, so that its memory is not counted as a worker's:
 * `node lab/large-source.ts [--count 100000] [--scale 1] [--folders 0] [--seed 1] [--pass large]` prints
 * `{"host","port","user","pass","bytes"}`. INBOX holds `count` messages that are made up when they are read; beside it lie so many
 * folders with one message each. Where its standard input is a pipe it ends when the pipe does.
 */
const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '100000' },
    scale: { type: 'string', default: '1' },
    folders: { type: 'string', default: '0' },
    seed: { type: 'string', default: '1' },
    pass: { type: 'string', default: 'large' },
  },
});
const [user, pass] = ['large@example.test', values.pass];
const store = new MailStore();
const mailbox = store.addAccount(user, pass);
const mail = largeFolder({ seed: Number(values.seed), count: Number(values.count), scale: Number(values.scale) });
mailbox.inbox.fill(mail);
for (let n = 1; n <= Number(values.folders); n += 1) {
  mailbox
    .ensureFolder(['Folders', `Folder ${n}`])
    .append({ raw: Buffer.from(`Subject: ${n}\r\n\r\nthe only one\r\n`) });
}
const bytes = mailbox.inbox.messages.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
const server = await startImapServer({ store });
console.log(JSON.stringify({ host: server.host, port: server.port, user, pass, bytes }));

const input = fstatSync(0);
if (input.isFIFO() || input.isSocket()) {
  process.stdin.resume();
  process.stdin.once('end', () => void server.close().then(() => process.exit()));
}
