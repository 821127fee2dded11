import { afterAll, beforeAll, beforeEach, describe } from 'vitest';
import { adoptionContract } from './ledger-adoption.suite.ts';
import { censusContract } from './ledger-census.suite.ts';
import { copyContract } from './ledger-copies.suite.ts';
import { folderContract } from './ledger-folders.suite.ts';
import { leaseContract } from './ledger-lease.suite.ts';
import { originContract } from './ledger-origins.suite.ts';
import { removalContract } from './ledger-removals.suite.ts';
import { reportContract } from './ledger-report.suite.ts';
import { LedgerStage, type LedgerUnderTest } from './ledger-stage.ts';
import { verificationContract } from './ledger-verifications.suite.ts';

/** What every ledger promises. One world for the whole suite, a new mailbox for each test. */
export function ledgerContract(name: string, makeLedger: () => Promise<LedgerUnderTest>): void {
  describe(`the ledger (${name})`, () => {
    const stage = new LedgerStage();

    beforeAll(async () => {
      stage.world = await makeLedger();
    });
    afterAll(async () => {
      await stage.world?.close();
    });
    beforeEach(async () => {
      await stage.newMailbox();
    });

    leaseContract(stage);
    folderContract(stage);
    censusContract(stage);
    copyContract(stage);
    adoptionContract(stage);
    originContract(stage);
    removalContract(stage);
    reportContract(stage);
    verificationContract(stage);
  });
}
