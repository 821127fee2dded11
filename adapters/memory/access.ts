import { MigrationError } from '../../domain/errors.ts';
import type { AccessStore, Json } from '../../domain/ports/store.ts';

export function createMemoryAccess(): AccessStore {
  const operators = new Map<string, { id: string; name: string }>();
  const requests = new Map<string, { fingerprint: string; answer: { status: number; body: Json } | null }>();
  return {
    async ensureFirstOperator(name, token) {
      if (operators.size > 0) return false;
      operators.set(token, { id: 'op_1', name });
      return true;
    },
    async findOperator(token) {
      return operators.get(token) ?? null;
    },
    async beginRequest(key, fingerprint) {
      const known = requests.get(key);
      if (known === undefined) {
        requests.set(key, { fingerprint, answer: null });
        return null;
      }
      if (known.fingerprint !== fingerprint) {
        throw new MigrationError('IDEMPOTENCY_KEY_REUSED', 'This Idempotency-Key belongs to a different request.');
      }
      if (known.answer === null)
        throw new MigrationError('CONFLICT', 'The first request with this key is still running.');
      return known.answer;
    },
    async endRequest(key, answer) {
      const known = requests.get(key);
      if (known !== undefined) known.answer = answer;
    },
    async forgetRequest(key) {
      requests.delete(key);
    },
  };
}
