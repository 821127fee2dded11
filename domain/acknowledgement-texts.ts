import type { AcknowledgedStep } from './steps.ts';

/** What the client's contact is asked to acknowledge, in words an office manager can use. */
export const ACKNOWLEDGEMENT_TEXTS: Readonly<Record<AcknowledgedStep, string>> = {
  B2: `IMAP carries mail only. Contacts, calendars and local Outlook data files (PST) do not move with it; they are moved by hand
after the cutover. Please have local data backed up before the cutover. With your acknowledgement you confirm that you know this.`,
  B4: `Outlook profiles for the new mailboxes are prepared on the users' computers and the connection was tried. You confirm that
every user is ready, or that you accept that the remaining users follow later.`,
  C4: `Desktops, laptops, phones and tablets use the new mailboxes now. You confirm that every user is done, or that you accept
that the remaining users follow later.`,
  C6: `Contacts, calendars and local Outlook data files were exported from the old profiles and imported into the new mailboxes
where they are wanted. You confirm that every user is done, does not need it, or gets help separately.`,
};
