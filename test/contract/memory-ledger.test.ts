import { MemoryLedger } from '../../adapters/memory/ledger.ts';
import { ledgerContract } from './ledger.suite.ts';

ledgerContract('memory', async () => {
  const ledger = new MemoryLedger();
  return { ledger, addMailbox: (id) => ledger.addMailbox(id), close: async () => {} };
});
