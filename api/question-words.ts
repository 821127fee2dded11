import type { GateId } from '../domain/steps.ts';

/** What a contact is asked, in words for people who move house, not mail servers. */
export const GATE_WORDS: Readonly<Record<GateId, { title: string; text: string }>> = {
  accounts: {
    title: 'Are the new mailboxes right?',
    text: 'The mailboxes, further addresses and distribution lists below have been created on the new system. Please compare them with your own list. If you approve, copying starts.',
  },
  data: {
    title: 'Is all mail there?',
    text: 'All mail has been copied and counted on both sides. Please look into the new mailboxes on the web, compare, and report what is missing before you approve.',
  },
  cutover: {
    title: 'May we switch over?',
    text: 'From the agreed moment new mail goes to the new system only. The table shows that the change of address records has reached the internet. The provider has to approve too.',
  },
  completion: {
    title: 'Is the move complete?',
    text: 'The last mail has been fetched and nothing new arrives at the old server. If you approve, the move counts as complete. The provider has to approve too.',
  },
};
