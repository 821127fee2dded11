import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Account } from '../../imap/store.ts';
import type { TenantState } from '../directory/state.ts';
import type { Front, HttpCall } from '../front.ts';
import { type Access, bearerOf, type Caller } from '../identity/access.ts';
import type { Role } from '../identity/roles.ts';
import { makeSpecialFolders } from '../mail/special-folders.ts';
import { graphRefusal } from '../refusal.ts';
import { addAttachment, listAttachments, readAttachmentView } from './attachments.ts';
import { createInDrafts, createInFolder, importMime } from './create-message.ts';
import {
  createFolder,
  deleteFolder,
  listChildFolders,
  listTopFolders,
  purgeFolder,
  readFolder,
  renameFolder,
} from './folders.ts';
import { type GraphMailWorld, inPolicyPlace, type MailCall, type MailRoute, uploadBytesOf } from './mailbox.ts';
import {
  copyMessage,
  deleteMessage,
  listInFolder,
  listInMailbox,
  moveMessage,
  purgeMessage,
  readMessage,
  readMime,
  sendMessage,
} from './messages.ts';
import type { Throttle } from './throttle.ts';
import { updateMessage } from './update-message.ts';

/** One request of Graph is about 4 MB (exchange.md §1.6). */
export const MAX_REQUEST_BYTES = 4 * 1024 * 1024;

export interface GraphMailOptions {
  readonly world: GraphMailWorld;
  readonly access: Access;
  readonly state: TenantState;
  readonly throttle: Throttle;
}

/** Below `/users/{id}`, ids as `{id}`. */
const ROUTES: Readonly<Record<string, MailRoute>> = {
  'GET mailFolders': listTopFolders,
  'POST mailFolders': createFolder,
  'GET mailFolders/{id}': readFolder,
  'PATCH mailFolders/{id}': renameFolder,
  'DELETE mailFolders/{id}': deleteFolder,
  'POST mailFolders/{id}/permanentDelete': purgeFolder,
  'GET mailFolders/{id}/childFolders': listChildFolders,
  'POST mailFolders/{id}/childFolders': createFolder,
  'GET mailFolders/{id}/messages': listInFolder,
  'POST mailFolders/{id}/messages': createInFolder,
  'POST mailFolders/{id}/importMime': importMime,
  'GET mailFolders/{id}/messages/{id}': readMessage,
  'GET mailFolders/{id}/messages/delta': (call) => call.world.delta.answer(call),
  'GET messages': listInMailbox,
  'POST messages': createInDrafts,
  'GET messages/{id}': readMessage,
  'GET messages/{id}/$value': readMime,
  'PATCH messages/{id}': updateMessage,
  'DELETE messages/{id}': deleteMessage,
  'POST messages/{id}/permanentDelete': purgeMessage,
  'POST messages/{id}/move': moveMessage,
  'POST messages/{id}/copy': copyMessage,
  'POST messages/{id}/send': sendMessage,
  'GET messages/{id}/attachments': listAttachments,
  'POST messages/{id}/attachments': addAttachment,
  'GET messages/{id}/attachments/{id}': readAttachmentView,
  'POST messages/{id}/attachments/createUploadSession': (call) => call.world.uploads.create(call),
};

const WRITERS: readonly Role[] = ['Mail.ReadWrite', 'Mail-Advanced.ReadWrite.All'];
const READERS: readonly Role[] = [...WRITERS, 'Mail.Read'];

/** Mail of Graph v1.0 and beta: `/users/{id}/mailFolders…` and `/users/{id}/messages…` (exchange.md §1, §3). */
export function graphMail(options: GraphMailOptions): Front {
  return {
    takes: ({ segments: [version, users, , kind] }) =>
      (version === 'v1.0' || version === 'beta') && users === 'users' && /^(mailFolders|messages)\b/i.test(kind ?? ''),
    maxBodyBytes: MAX_REQUEST_BYTES,
    nameOf: (call) => `${call.method} /${call.segments[0]}/users/{id}/${routeOf(call).template}`,
    async answer(call) {
      const { template, ids } = routeOf(call);
      const name = `${call.method} ${template}`;
      const route = ROUTES[name];
      const caller = signedIn(options.access, call, rolesFor(name));
      if (route === undefined) {
        const segment = template.split('/').findLast((one) => one !== '{id}') ?? '';
        throw graphRefusal(400, 'BadRequest', `Resource not found for the segment '${segment}'.`);
      }
      const mail = mailCall(call, caller, ids, options);
      const leave = options.throttle.enter(caller.application.clientId, mail.address, uploadBytesOf(call));
      try {
        if (options.world.behaviour.latencyMs > 0) await delay(options.world.behaviour.latencyMs);
        return await route(inPolicyPlace(mail, template.split('/', 1).join()));
      } finally {
        leave();
      }
    },
  };
}

function rolesFor(name: string): readonly Role[] {
  if (name.endsWith('/importMime')) return ['Mail-Advanced.ReadWrite.All'];
  if (name.endsWith('/send')) return ['Mail.Send'];
  if (/^GET mailFolders(\/\{id\})?(\/childFolders)?$/.test(name)) return [...READERS, 'Mail.ReadBasic.All'];
  return name.startsWith('GET ') ? READERS : WRITERS;
}

/** @throws Refusal 401; 403 in the words of mail */
export function signedIn(access: Access, { headers }: HttpCall, roles: readonly Role[]): Caller {
  const wanted = { resource: 'graph', roles } as const;
  if (access.check(bearerOf(headers['authorization']), wanted) === 'rights') throw denied();
  return access.require(headers['authorization'], wanted);
}

function denied(): Error {
  return graphRefusal(403, 'ErrorAccessDenied', 'Access is denied. Check credentials and try again.');
}

/** `mailFolders('x')` is `mailFolders/x`; names of segments count in any case. */
function routeOf({ segments }: HttpCall): { template: string; ids: string[] } {
  const parts = segments.slice(3).flatMap((segment) => {
    const [, name, key] = /^(\w+)\('(.*)'\)$/.exec(segment) ?? [];
    return name === undefined || key === undefined ? [segment] : [name, key];
  });
  const ids: string[] = [];
  const names = parts.map((part, at) => {
    if (at % 2 === 0) return NAMES.find((name) => name.toLowerCase() === part.toLowerCase()) ?? part;
    const action = ACTIONS.find((name) => name.toLowerCase() === part.toLowerCase());
    if (action !== undefined && at !== 1) return action;
    ids.push(part);
    return '{id}';
  });
  return { template: names.join('/'), ids };
}

const ACTIONS = ['delta', 'createUploadSession', '$value', '$count'];
const NAMES = [...new Set(Object.keys(ROUTES).flatMap((route) => route.replace(/^\w+ /, '').split('/')))];

function mailCall(
  call: HttpCall,
  caller: Caller,
  ids: readonly string[],
  { world, state }: GraphMailOptions,
): MailCall {
  const [version = '', , user = ''] = call.segments;
  const known = state.findUser(user)?.userPrincipalName ?? state.findMailbox(user)?.address;
  if (known === undefined) throw graphRefusal(404, 'ErrorInvalidUser', `The requested user '${user}' is invalid.`);
  // The mailbox comes some minutes after the licence; until then callers poll its inbox (exchange.md §6.1).
  const mailbox = state.mailboxes.get(known);
  if (mailbox === undefined) {
    const message = 'The mailbox is either inactive, soft-deleted, or is hosted on-premise.';
    throw graphRefusal(404, 'MailboxNotEnabledForRESTAPI', message);
  }
  if (!caller.application.mayUse(mailbox.address)) throw denied();
  return {
    ...call,
    version,
    world,
    caller,
    account: world.store.findAccount(mailbox.address) ?? newAccount(world, mailbox.address),
    ids,
    address: mailbox.address,
    maxMessageBytes: mailbox.maxReceiveBytes,
    retentionHold: mailbox.retentionHold,
    userPath: `/users/${encodeURIComponent(user)}`,
    immutable: /IdType\s*=\s*"?ImmutableId"?/i.test(call.headers['prefer'] ?? ''),
  };
}

/** A mailbox that a cmdlet made has no password. */
function newAccount({ store, folderNames }: GraphMailWorld, address: string): Account {
  const account = store.addAccount(address, randomUUID());
  makeSpecialFolders(account, folderNames);
  return account;
}
