import type { Plan } from '../../domain/plan.ts';
import type { AcknowledgedStep, GateId } from '../../domain/steps.ts';

/** Mails to the client's contacts: short, for somebody who runs an office and not a mail server. */

export interface Mail {
  to: string;
  subject: string;
  text: string;
}

/** What a link asks about. */
export type Question =
  | { readonly kind: 'gate'; readonly gate: GateId }
  | { readonly kind: 'acknowledgement'; readonly step: AcknowledgedStep; readonly text: string };

const GATE_WORDS: Readonly<Record<GateId, { subject: string; ask: string }>> = {
  accounts: {
    subject: 'please check the new mailboxes',
    ask: 'The new mailboxes have been created. Please check that the list of mailboxes, addresses and distribution lists is complete and right.',
  },
  data: {
    subject: 'please check the copied mail',
    ask: 'The mail has been copied to the new system. Please let some people look into their new mailbox on the web, and tell us if anything is missing before you approve.',
  },
  cutover: {
    subject: 'please approve the switch to the new mail system',
    ask: 'Everything is ready to switch to the new mail system at the agreed time. Nothing is switched before you approve.',
  },
  completion: {
    subject: 'please confirm that the move is complete',
    ask: 'The move to the new mail system is finished on our side. Please check that everything is there and confirm it, or tell us what is not right.',
  },
};

const STEP_WORDS: Readonly<Record<AcknowledgedStep, string>> = {
  B2: 'please note what does not move by itself',
  B4: 'please confirm that Outlook is prepared',
  C4: 'please confirm that computers and phones are set up',
  C6: 'please confirm that contacts and calendars are brought over',
};

/** Carries the token and never a code. */
export function linkMail(input: {
  plan: Plan;
  to: { name: string; email: string };
  question: Question;
  url: string;
  expiresAt: string;
  reminder: boolean;
}): Mail {
  const { plan, to, question, url, expiresAt, reminder } = input;
  const ask = question.kind === 'gate' ? GATE_WORDS[question.gate].ask : question.text.trim();
  return {
    to: to.email,
    subject: oneLine(`${reminder ? 'Reminder: ' : ''}${plan.client.name}: ${subjectOf(question)}`),
    text: paragraphs(
      `Dear ${oneLine(to.name)},`,
      `this is about the move of ${oneLine(plan.client.name)} to the new mail system.`,
      ask,
      `Please open this page, look at the details and tell us your decision:\n${url}`,
      `The page can be used until ${wallTime(expiresAt, plan.cutover.timeZone)}. It will ask for a code, which we send to you separately when you want it.`,
      'The link is meant for you alone; please do not pass it on. There is no need to reply to this mail.',
    ),
  };
}

/** Goes to the second channel: the code and no link, so that neither mail is enough alone. */
export function codeMail(input: { plan: Plan; to: string; question: Question; code: string; expiresAt: string }): Mail {
  const { plan, to, question, code, expiresAt } = input;
  return {
    to,
    subject: oneLine(`${plan.client.name}: your code for "${subjectOf(question)}"`),
    text: paragraphs(
      `Your code: ${code}`,
      `Please type it on the page that you have open. It can be used until ${wallTime(expiresAt, plan.cutover.timeZone)}.`,
      'If you did not ask for a code, you can ignore this mail. There is no need to reply to it.',
    ),
  };
}

function subjectOf(question: Question): string {
  return question.kind === 'gate' ? GATE_WORDS[question.gate].subject : STEP_WORDS[question.step];
}

function paragraphs(...parts: readonly string[]): string {
  return `${parts.join('\n\n')}\n`;
}

/** Names come from a plan file; a line break in one must not become a header of the mail. */
function oneLine(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ').trim();
}

function wallTime(instant: string, timeZone: string): string {
  const text = new Intl.DateTimeFormat('en-GB', { dateStyle: 'full', timeStyle: 'short', timeZone }).format(
    new Date(instant),
  );
  return `${text} (${timeZone})`;
}
