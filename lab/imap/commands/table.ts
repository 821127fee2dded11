import { append } from './append.ts';
import { copy, expunge, move, uidExpunge } from './copy-and-expunge.ts';
import { fetch } from './fetch.ts';
import { create, deleteMailbox, rename, setSubscribed } from './folders.ts';
import type { CommandHandler } from './handler.ts';
import { list, lsub } from './list.ts';
import { getQuota, getQuotaRoot } from './quota.ts';
import { search } from './search.ts';
import { close, examineOrSelect, status, unselect } from './select.ts';
import { capability, enable, id, idle, logout, namespace, noop } from './session-state.ts';
import { authenticate, login, starttls } from './sign-in.ts';
import { storeFlags } from './store-flags.ts';

export const COMMANDS: ReadonlyMap<string, CommandHandler> = new Map<string, CommandHandler>([
  ['CAPABILITY', { needs: 'nothing', run: capability }],
  ['NOOP', { needs: 'nothing', run: noop }],
  ['LOGOUT', { needs: 'nothing', run: logout }],
  ['ID', { needs: 'nothing', capability: 'ID', run: id }],
  ['STARTTLS', { needs: 'nothing', run: starttls }],
  ['LOGIN', { needs: 'nothing', run: login }],
  ['AUTHENTICATE', { needs: 'nothing', run: authenticate }],
  ['ENABLE', { needs: 'account', capability: 'ENABLE', run: enable }],
  ['NAMESPACE', { needs: 'account', capability: 'NAMESPACE', run: namespace }],
  ['LIST', { needs: 'account', run: list }],
  ['LSUB', { needs: 'account', run: lsub }],
  ['CREATE', { needs: 'account', run: create }],
  ['DELETE', { needs: 'account', run: deleteMailbox }],
  ['RENAME', { needs: 'account', run: rename }],
  ['SUBSCRIBE', { needs: 'account', run: setSubscribed(true) }],
  ['UNSUBSCRIBE', { needs: 'account', run: setSubscribed(false) }],
  ['SELECT', { needs: 'account', run: examineOrSelect }],
  ['EXAMINE', { needs: 'account', run: examineOrSelect }],
  ['STATUS', { needs: 'account', run: status }],
  ['APPEND', { needs: 'account', run: append }],
  ['GETQUOTAROOT', { needs: 'account', run: getQuotaRoot }],
  ['GETQUOTA', { needs: 'account', run: getQuota }],
  ['IDLE', { needs: 'account', capability: 'IDLE', run: idle }],
  ['CHECK', { needs: 'folder', run: noop }],
  ['CLOSE', { needs: 'folder', run: close }],
  ['UNSELECT', { needs: 'folder', capability: 'UNSELECT', run: unselect }],
  ['FETCH', { needs: 'folder', run: fetch }],
  ['UID FETCH', { needs: 'folder', run: fetch }],
  ['SEARCH', { needs: 'folder', run: search }],
  ['UID SEARCH', { needs: 'folder', run: search }],
  ['STORE', { needs: 'folder', run: storeFlags }],
  ['UID STORE', { needs: 'folder', run: storeFlags }],
  ['COPY', { needs: 'folder', run: copy }],
  ['UID COPY', { needs: 'folder', run: copy }],
  ['MOVE', { needs: 'folder', capability: 'MOVE', run: move }],
  ['UID MOVE', { needs: 'folder', capability: 'MOVE', run: move }],
  ['EXPUNGE', { needs: 'folder', run: expunge }],
  ['UID EXPUNGE', { needs: 'folder', capability: 'UIDPLUS', run: uidExpunge }],
]);
