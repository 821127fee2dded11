import type { Cmdlets } from './cmdlet.ts';
import { named } from './named.ts';

/** Policies of the spam filter and of advanced security, each with rules that say for whom it holds (exchange.md §6.3). */
export const PROTECTION: Cmdlets = {
  ...family('HostedContentFilter'),
  ...family('SafeLinks'),
  ...family('SafeAttachment'),
};

function family(name: string): Cmdlets {
  return {
    ...named(`${name}Policy`, (state) => state.policies(`${name}Policy`), {}),
    ...named(`${name}Rule`, (state) => state.policies(`${name}Rule`), { SentTo: 'texts', [`${name}Policy`]: 'text' }),
  };
}
