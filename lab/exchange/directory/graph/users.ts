import { randomUUID } from 'node:crypto';
import type { Role } from '../../identity/roles.ts';
import { badRequest } from '../../refusal.ts';
import type { LabUser } from '../objects.ts';
import type { TenantState } from '../state.ts';
import { type GraphRoutes, notFound, page, readBody, select } from './route.ts';

const READ: readonly Role[] = ['User.Read.All', 'User.ReadWrite.All', 'Directory.Read.All', 'Directory.ReadWrite.All'];
const WRITE: readonly Role[] = ['User.ReadWrite.All', 'Directory.ReadWrite.All'];

/** Users of Graph v1.0 (exchange.md §6.1). */
export const USERS: GraphRoutes = {
  'GET users': {
    roles: READ,
    answer: (request, { state }) =>
      page(
        request,
        [...state.users.values()].map((user) => view(state, user, request.query)),
      ),
  },
  'POST users': {
    roles: WRITE,
    answer: ({ body }, { state }) => ({
      status: 201,
      body: view(state, createUser(state, body), new URLSearchParams()),
    }),
  },
  'GET users/{id}': {
    roles: READ,
    answer: ({ query }, { state }, id) => ({ status: 200, body: view(state, getUser(state, id), query) }),
  },
  'PATCH users/{id}': {
    roles: WRITE,
    answer: ({ body }, { state }, id) => {
      const changes = readBody(body, ['accountEnabled', 'displayName', 'usageLocation']);
      const user = getUser(state, id);
      if (typeof changes['accountEnabled'] === 'boolean') user.accountEnabled = changes['accountEnabled'];
      if (typeof changes['displayName'] === 'string') user.displayName = changes['displayName'];
      if (changes['usageLocation'] !== undefined) user.usageLocation = readCountry(changes['usageLocation']);
      return { status: 204, body: null };
    },
  },
  'DELETE users/{id}': {
    roles: WRITE,
    answer: (_request, { state }, id) => {
      state.deleteUser(getUser(state, id));
      return { status: 204, body: null };
    },
  },
  'GET directory/deletedItems/microsoft.graph.user': {
    roles: READ,
    answer: (request, { state }) =>
      page(
        request,
        state.deletedUsers.map((user) => {
          // The name is free for others, so the id stands in front of it.
          const userPrincipalName = `${user.id.replaceAll('-', '')}${user.userPrincipalName}`;
          const all = { ...fieldsOf(state, user), userPrincipalName, mail: user.userPrincipalName };
          return select('user', all, request.query, DEFAULT_FIELDS);
        }),
      ),
  },
};

export function getUser(state: TenantState, id: string): LabUser {
  const user = state.findUser(id);
  if (user) return user;
  throw notFound(id);
}

/** Without `$select` Graph gives a short default set, in which neither licences nor usage location are. */
const DEFAULT_FIELDS = ['id', 'displayName', 'userPrincipalName', 'mail'];

export function view(state: TenantState, user: LabUser, query: URLSearchParams): Record<string, unknown> {
  return select('user', fieldsOf(state, user), query, DEFAULT_FIELDS);
}

function fieldsOf(state: TenantState, user: LabUser): Record<string, unknown> {
  const { licences, password: _never, createdAt, lastSignInAt, ...fields } = user;
  const mailbox = state.mailboxes.get(user.userPrincipalName);
  return {
    ...fields,
    mail: mailbox?.address ?? (state.mayHaveMailbox(user) ? user.userPrincipalName : null),
    proxyAddresses: mailbox ? [`SMTP:${mailbox.address}`, ...mailbox.aliases.map((alias) => `smtp:${alias}`)] : [],
    assignedLicenses: [...licences].map((skuId) => ({ skuId, disabledPlans: [] })),
    createdDateTime: createdAt,
    signInActivity: lastSignInAt === null ? null : { lastSignInDateTime: lastSignInAt },
  };
}

function createUser(state: TenantState, body: unknown): LabUser {
  const required = ['accountEnabled', 'displayName', 'mailNickname', 'userPrincipalName', 'passwordProfile'];
  const fields = readBody(body, [...required, 'usageLocation']);
  const missing = required.find((name) => fields[name] === undefined || fields[name] === '');
  if (missing !== undefined) throw badRequest(`A value is required for property '${missing}' of resource 'User'.`);
  const name = String(fields['userPrincipalName']).toLowerCase();
  if (!/^[a-z0-9'._!#^~-]{1,64}@[^@]{1,48}$/.test(name) || /\.@|\.\.|^\./.test(name)) {
    throw badRequest('Invalid value specified for property userPrincipalName of resource User.');
  }
  if (!/^[^@()\\[\]";:<>, ]{1,64}$/.test(String(fields['mailNickname']))) {
    throw badRequest('Invalid value specified for property mailNickname of resource User.');
  }
  if (!state.isAccepted(name)) {
    throw badRequest(
      'The domain portion of the userPrincipalName property is invalid. You must use one of the verified domain names in your organization.',
    );
  }
  if (state.holderOf(name) !== null) {
    throw badRequest('Another object with the same value for property userPrincipalName already exists.');
  }
  const profile = readBody(fields['passwordProfile'], ['password', 'forceChangePasswordNextSignIn']);
  if (typeof profile['password'] !== 'string') throw badRequest("A value is required for property 'password'.");
  const user: LabUser = {
    id: randomUUID(),
    userPrincipalName: name,
    displayName: String(fields['displayName']),
    mailNickname: String(fields['mailNickname']),
    accountEnabled: fields['accountEnabled'] === true,
    usageLocation: fields['usageLocation'] === undefined ? null : readCountry(fields['usageLocation']),
    password: profile['password'],
    licences: new Set(),
    createdAt: new Date(state.now()).toISOString(),
    lastSignInAt: null,
  };
  state.users.set(name, user);
  return user;
}

function readCountry(value: unknown): string {
  if (typeof value === 'string' && /^[A-Z]{2}$/.test(value)) return value;
  throw badRequest('Invalid value specified for property usageLocation of resource User.');
}
