import { createMemoryThrottleStore } from '../../adapters/memory/throttle-store.ts';
import { requestLimiterContract } from './request-limiter.suite.ts';

requestLimiterContract('memory', async () => {
  let passed = 0;
  const store = createMemoryThrottleStore(() => performance.now() + passed);
  return {
    stores: [store, store],
    pass(ms) {
      passed += ms;
    },
    async close() {},
  };
});
