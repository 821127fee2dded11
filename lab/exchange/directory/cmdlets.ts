import { badRequest, cmdletRefusal } from '../refusal.ts';
import { bindParameters, type Cmdlets, type Row, type Values } from './cmdlets/cmdlet.ts';
import { CONTACTS } from './cmdlets/contacts.ts';
import { FULL_ACCESS } from './cmdlets/full-access.ts';
import { LISTS } from './cmdlets/lists.ts';
import { MAIL_FLOW } from './cmdlets/mail-flow.ts';
import { MAILBOX_SETTINGS } from './cmdlets/mailbox-settings.ts';
import { MAILBOXES } from './cmdlets/mailboxes.ts';
import { ORGANISATION } from './cmdlets/organisation.ts';
import { OUTBOUND_SPAM } from './cmdlets/outbound-spam.ts';
import { PERMISSIONS } from './cmdlets/permissions.ts';
import { PROTECTION } from './cmdlets/protection.ts';
import { RECIPIENTS } from './cmdlets/recipients.ts';
import { TRANSPORT_RULES } from './cmdlets/transport-rules.ts';
import type { TenantState } from './state.ts';

/** Runs one cmdlet of an InvokeCommand body (exchange.md §6.2). */
export function invokeCommand(
  state: TenantState,
  body: unknown,
  warn: (text: string) => void = () => undefined,
): readonly Row[] {
  const { CmdletName: name, Parameters: parameters } =
    (body as { CmdletInput?: { CmdletName?: unknown; Parameters?: unknown } } | null)?.CmdletInput ?? {};
  if (typeof name !== 'string') throw badRequest('CmdletInput with a CmdletName is expected.');
  const cmdlet = Object.hasOwn(CMDLETS, name) ? CMDLETS[name] : undefined;
  if (!cmdlet) {
    const text = `The term '${name}' is not recognized as the name of a cmdlet, function, script file, or operable program.`;
    throw cmdletRefusal(400, 'System.Management.Automation.CommandNotFoundException', text);
  }
  const values = (parameters ?? {}) as Values;
  bindParameters(cmdlet, values);
  return cmdlet.run(state, values, warn);
}

/** One family a file: cmdlets/. */
const CMDLETS: Cmdlets = {
  ...ORGANISATION,
  ...RECIPIENTS,
  ...MAILBOXES,
  ...MAILBOX_SETTINGS,
  ...PERMISSIONS,
  ...FULL_ACCESS,
  ...LISTS,
  ...PROTECTION,
  ...MAIL_FLOW,
  ...TRANSPORT_RULES,
  ...OUTBOUND_SPAM,
  ...CONTACTS,
};
