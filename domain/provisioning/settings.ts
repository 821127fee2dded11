/** What an import needs of a mailbox, and what would act on it while mail comes in. */
export interface MailboxSettings {
  readonly address: string;
  /** Infinite: no limit. */
  readonly maxReceiveBytes: number;
  readonly maxSendBytes: number;
  readonly retentionHold: boolean;
  /** Name of the policy that tidies the mailbox up; null: none. */
  readonly retentionPolicy: string | null;
  /** Where its mail goes on to. */
  readonly forwardsTo: readonly string[];
  /** Names of rules that are on and send mail on or delete it. */
  readonly rules: readonly string[];
  readonly junkFilter: boolean;
  readonly blockedSenders: number;
}

/** Settings that are changed for the time of the import. */
export const RAISED_BYTES = 150 * 1_048_576;
export const SETTINGS = ['MaxReceiveSize', 'MaxSendSize', 'RetentionHoldEnabled'] as const;
export type SettingName = (typeof SETTINGS)[number];

/** One setting that is to be changed; values as the tenant takes and tells them. */
export interface SettingChange {
  readonly name: SettingName;
  readonly before: string;
  readonly after: string;
}

/**
 * What to change before mail is imported: room for the largest message the licence allows (150 MB; exchange.md §1.6), and no tidying
 * up while old mail comes in (§6.3). Nothing that is so already.
 */
export function planPreparation({ maxReceiveBytes, maxSendBytes, retentionHold }: MailboxSettings): SettingChange[] {
  const changes: SettingChange[] = [];
  const raised = String(RAISED_BYTES);
  if (maxReceiveBytes < RAISED_BYTES) {
    changes.push({ name: 'MaxReceiveSize', before: String(maxReceiveBytes), after: raised });
  }
  if (maxSendBytes < RAISED_BYTES) changes.push({ name: 'MaxSendSize', before: String(maxSendBytes), after: raised });
  if (!retentionHold) changes.push({ name: 'RetentionHoldEnabled', before: 'false', after: 'true' });
  return changes;
}

/** What a setting is now, in the same words. */
export function settingOf(name: SettingName, settings: MailboxSettings): string {
  switch (name) {
    case 'MaxReceiveSize':
      return String(settings.maxReceiveBytes);
    case 'MaxSendSize':
      return String(settings.maxSendBytes);
    case 'RetentionHoldEnabled':
      return String(settings.retentionHold);
  }
}

export function isSettingName(text: string): text is SettingName {
  return (SETTINGS as readonly string[]).includes(text);
}
