import { expect, test } from 'vitest';
import { testMailbox, testPlan } from '../test/support/plans.ts';
import { anchorMailboxes, anchorPlan } from './anchor-files.ts';

test('names of secrets and certificates beside the plan become absolute, others stay', () => {
  const plan = testPlan();
  const anchored = anchorPlan({ ...plan, source: { ...plan.source, caFile: 'ca.pem' } }, '/etc/mailferry');
  expect(anchored.source.caFile).toBe('/etc/mailferry/ca.pem');
  const [mailbox] = anchorMailboxes(
    [{ ...testMailbox('anna'), sourceSecret: 'file:secrets/anna', targetSecret: 'env:ANNA' }],
    '/etc/mailferry',
  );
  expect(mailbox?.sourceSecret).toBe('file:/etc/mailferry/secrets/anna');
  expect(mailbox?.targetSecret).toBe('env:ANNA');
});

test('an absolute name stays as it is, and without a folder all do', () => {
  const one = { ...testMailbox('anna'), sourceSecret: 'file:/run/secrets/anna', targetSecret: 'file:here' };
  expect(anchorMailboxes([one], '/etc')[0]?.sourceSecret).toBe('file:/run/secrets/anna');
  expect(anchorMailboxes([one], undefined)).toEqual([one]);
});
