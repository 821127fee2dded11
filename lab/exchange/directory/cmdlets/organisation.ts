import { type Cmdlets, identityOf, notFound } from './cmdlet.ts';
import { getMailbox } from './recipients.ts';

/** What the Exchange Online Admin API reads besides mailboxes, lists and domains. */
export const ORGANISATION: Cmdlets = {
  'Get-OrganizationConfig': {
    run: () => [{ MailTipsAllTipsEnabled: true, MailTipsLargeAudienceThreshold: 25 }],
  },
  // The lab has none.
  'Get-DynamicDistributionGroupMember': {
    needs: { Identity: 'text' },
    takes: { ResultSize: 'text' },
    run: (_state, values) => notFound(identityOf(values)),
  },
  /** `user@domain:\\Folder`; nobody but the owner has been let in. */
  'Get-MailboxFolderPermission': {
    needs: { Identity: 'text' },
    takes: { User: 'text', ResultSize: 'text' },
    run: (state, values) => {
      const [address = '', folder = ''] = identityOf(values).split(/:?\\/);
      getMailbox(state, { Identity: address });
      return [
        { Identity: identityOf(values), FolderName: folder, User: 'Default', AccessRights: ['None'] },
        { Identity: identityOf(values), FolderName: folder, User: 'Anonymous', AccessRights: ['None'] },
      ];
    },
  },
};
