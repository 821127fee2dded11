import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';

/** Typed keys of SEARCH_ATTRIBUTES in names.ts. */
export const migrationKey = defineSearchAttributeKey('MailferryMigration', SearchAttributeType.KEYWORD);
export const client = defineSearchAttributeKey('MailferryClient', SearchAttributeType.KEYWORD);
export const phase = defineSearchAttributeKey('MailferryPhase', SearchAttributeType.KEYWORD);
export const step = defineSearchAttributeKey('MailferryStep', SearchAttributeType.KEYWORD);
export const waitingFor = defineSearchAttributeKey('MailferryWaitingFor', SearchAttributeType.KEYWORD_LIST);
export const progress = defineSearchAttributeKey('MailferryProgress', SearchAttributeType.INT);
