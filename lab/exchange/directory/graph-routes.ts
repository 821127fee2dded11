import { randomUUID } from 'node:crypto';
import { badRequest, graphRefusal } from '../refusal.ts';
import type { LabUser, TenantState } from './state.ts';

/** The licence that the lab sells: `ENTERPRISEPACK`'s well-known id, with Exchange Online Plan 2 in it. */
export const SKU_ID = '6fd2c87f-b296-42f0-b197-1e91e994b900';

export interface GraphRequest {
  readonly method: string;
  /** Below `/v1.0`, decoded segments. */
  readonly segments: readonly string[];
  readonly query: URLSearchParams;
  readonly body: unknown;
}

export interface GraphAnswer {
  readonly status: number;
  readonly body: object | null;
}

export interface GraphOptions {
  readonly state: TenantState;
  readonly countryCode: string;
  /** A user got its first licence with a mailbox. */
  readonly onLicensed: (user: LabUser) => void;
}

/** The slice of Graph v1.0 that provisioning needs, strict about names it does not know (exchange.md §6.1). */
export function answerGraph(request: GraphRequest, options: GraphOptions): GraphAnswer {
  const { method, segments } = request;
  const [resource = '', id, ...rest] = segments;
  const route = `${method} ${resource}${id === undefined ? '' : '/{id}'}${rest.map((one) => `/${one}`).join('')}`;
  const handler = ROUTES[route];
  if (!handler) throw graphRefusal(400, 'BadRequest', `Resource not found for the segment '${resource}'.`);
  return handler(request, options, id ?? '');
}

type Handler = (request: GraphRequest, options: GraphOptions, id: string) => GraphAnswer;

const ROUTES: Readonly<Record<string, Handler>> = {
  'GET users': ({ query }, { state }) => page([...state.users.values()].map((user) => view(user, query))),
  'POST users': ({ body }, options) => ({
    status: 201,
    body: view(createUser(options.state, body), new URLSearchParams()),
  }),
  'GET users/{id}': ({ query }, { state }, id) => ({ status: 200, body: view(getUser(state, id), query) }),
  'PATCH users/{id}': ({ body }, { state }, id) => {
    const changes = readBody(body, ['accountEnabled', 'displayName', 'usageLocation']);
    const user = getUser(state, id);
    if (typeof changes['accountEnabled'] === 'boolean') user.accountEnabled = changes['accountEnabled'];
    if (typeof changes['displayName'] === 'string') user.displayName = changes['displayName'];
    if (changes['usageLocation'] !== undefined) user.usageLocation = readCountry(changes['usageLocation']);
    return { status: 204, body: null };
  },
  'POST users/{id}/assignLicense': ({ body }, options, id) => ({ status: 200, body: assignLicence(options, id, body) }),
  'GET users/{id}/mailFolders/inbox': (_request, { state }, id) => {
    const mailbox = state.mailboxes.get(getUser(state, id).userPrincipalName);
    if (mailbox) return { status: 200, body: { id: `inbox-${mailbox.address}`, displayName: 'Inbox' } };
    // The mailbox comes some minutes after the licence; until then callers poll this (exchange.md §6.1).
    throw graphRefusal(
      404,
      'MailboxNotEnabledForRESTAPI',
      'The mailbox is either inactive, soft-deleted, or is hosted on-premise.',
    );
  },
  'GET subscribedSkus': (_request, { state }) =>
    page([
      {
        skuId: SKU_ID,
        skuPartNumber: 'ENTERPRISEPACK',
        appliesTo: 'User',
        capabilityStatus: 'Enabled',
        consumedUnits: state.seatsTaken,
        prepaidUnits: { enabled: state.seats, suspended: 0, warning: 0 },
        servicePlans: [{ servicePlanName: 'EXCHANGE_S_ENTERPRISE', provisioningStatus: 'Success', appliesTo: 'User' }],
      },
    ]),
  'GET groups': ({ query }, { state }) => page(listGroups(state, query.get('$filter'))),
  'GET domains': (_request, { state }) =>
    page([...state.domains.keys()].map((id) => ({ id, isVerified: true, supportedServices: ['Email'] }))),
  'GET organization': (_request, { countryCode }) => page([{ id: 'org', countryLetterCode: countryCode }]),
};

/** Without `$select` Graph gives a short default set, in which neither licences nor usage location are. */
const DEFAULT_FIELDS = ['id', 'displayName', 'userPrincipalName', 'mail'];

function view(user: LabUser, query: URLSearchParams): Record<string, unknown> {
  const { licences, password: _never, ...fields } = user;
  const all: Record<string, unknown> = {
    ...fields,
    mail: licences.size > 0 ? user.userPrincipalName : null,
    assignedLicenses: [...licences].map((skuId) => ({ skuId, disabledPlans: [] })),
  };
  const wanted = query.get('$select')?.split(',') ?? DEFAULT_FIELDS;
  const unknown = wanted.find((field) => !(field in all));
  if (unknown !== undefined)
    throw badRequest(`Could not find a property named '${unknown}' on type 'microsoft.graph.user'.`);
  return Object.fromEntries(wanted.map((field) => [field, all[field]]));
}

function createUser(state: TenantState, body: unknown): LabUser {
  const required = ['accountEnabled', 'displayName', 'mailNickname', 'userPrincipalName', 'passwordProfile'];
  const fields = readBody(body, [...required, 'usageLocation']);
  const missing = required.find((name) => fields[name] === undefined || fields[name] === '');
  if (missing !== undefined) throw badRequest(`A value is required for property '${missing}' of resource 'User'.`);
  const name = String(fields['userPrincipalName']).toLowerCase();
  if (!state.isAccepted(name)) {
    throw badRequest(
      'The domain portion of the userPrincipalName property is invalid. You must use one of the verified domain names in your organization.',
    );
  }
  if (state.users.has(name) || state.isTaken(name)) {
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
  };
  state.users.set(name, user);
  return user;
}

function assignLicence({ state, onLicensed }: GraphOptions, id: string, body: unknown): Record<string, unknown> {
  const user = getUser(state, id);
  const { addLicenses, removeLicenses } = readBody(body, ['addLicenses', 'removeLicenses']);
  if (!Array.isArray(addLicenses) || !Array.isArray(removeLicenses)) {
    throw badRequest('Both addLicenses and removeLicenses are required.');
  }
  for (const entry of addLicenses as unknown[]) {
    const skuId = String(readBody(entry, ['skuId', 'disabledPlans'])['skuId']);
    if (skuId !== SKU_ID) throw badRequest(`License ${skuId} does not correspond to a valid company License.`);
    // Recalled, not read: exchange.md §6.1.
    if (user.usageLocation === null) {
      throw badRequest('License assignment cannot be done for user with invalid usage location.');
    }
    if (user.licences.has(skuId)) continue;
    if (state.seatsTaken >= state.seats) {
      throw badRequest(`Subscription with SKU ${skuId} does not have any available licenses.`);
    }
    user.licences.add(skuId);
    onLicensed(user);
  }
  for (const skuId of removeLicenses as unknown[]) user.licences.delete(String(skuId));
  return view(user, new URLSearchParams());
}

/** Distribution lists can be read in Graph, not made (exchange.md §6.1). */
function listGroups(state: TenantState, filter: string | null): object[] {
  const mail = /^mail eq '((?:[^']|'')*)'$/
    .exec(filter ?? '')?.[1]
    ?.replaceAll("''", "'")
    .toLowerCase();
  if (filter !== null && mail === undefined) {
    throw graphRefusal(400, 'Request_UnsupportedQuery', 'Unsupported or invalid query filter clause.');
  }
  const lists = [...state.lists.values()].map(({ address }) => ({
    mail: address,
    groupTypes: [],
    securityEnabled: false,
  }));
  const groups = state.groups.map(({ address, unified }) => ({
    mail: address,
    groupTypes: unified ? ['Unified'] : [],
    securityEnabled: !unified,
  }));
  return [...lists, ...groups]
    .filter((group) => mail === undefined || group.mail === mail)
    .map((group) => ({ id: `group-${group.mail}`, mailEnabled: true, ...group }));
}

function getUser(state: TenantState, id: string): LabUser {
  const user = state.findUser(id);
  if (user) return user;
  throw graphRefusal(
    404,
    'Request_ResourceNotFound',
    `Resource '${id}' does not exist or one of its queried reference-property objects are not present.`,
  );
}

function readBody(body: unknown, known: readonly string[]): Record<string, unknown> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw badRequest('Empty Payload. JSON content expected.');
  }
  const unknown = Object.keys(body).find((name) => !known.includes(name));
  if (unknown !== undefined) throw badRequest(`Invalid property '${unknown}'.`);
  return body as Record<string, unknown>;
}

function readCountry(value: unknown): string {
  if (typeof value === 'string' && /^[A-Z]{2}$/.test(value)) return value;
  throw badRequest('Invalid value specified for property usageLocation of resource User.');
}

function page(value: readonly object[]): GraphAnswer {
  return { status: 200, body: { value } };
}
