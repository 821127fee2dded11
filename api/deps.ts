import type { PayloadCodec } from '@temporalio/common';
import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Ledger } from '../domain/ports/ledger.ts';
import type { PlanReader } from '../domain/ports/plan-reader.ts';
import type { ProvisioningStore } from '../domain/ports/provisioning-store.ts';
import type { Clock } from '../domain/ports/services.ts';
import type { AccessStore, ApprovalStore, MigrationStore } from '../domain/ports/store.ts';
import type { WorkflowGateway } from './gateway.ts';

/** Everything that the server needs; it builds none of it. */
export interface ServerDeps {
  readonly migrations: MigrationStore;
  readonly approvals: ApprovalStore;
  readonly provisioning: ProvisioningStore;
  readonly access: AccessStore;
  readonly ledger: Pick<
    Ledger,
    'listExceptions' | 'listNotes' | 'listDeviations' | 'listFindings' | 'listFolders' | 'tallyFolders'
  >;
  readonly workflows: WorkflowGateway;
  readonly plans: PlanReader;
  /** Rejects when the database does not answer. */
  readonly checkDatabase: () => Promise<void>;
  /** A decision was written: the relay need not wait for its next round. */
  readonly nudgeRelay: () => void;
  /** What links and problem types begin with; asked late, because the port may be the system's choice. No slash at its end. */
  readonly publicUrl: () => string;
  /** For the Temporal UI; null = the UI shows ciphertext. */
  readonly codec: CodecAccess | null;
  readonly clock: Clock;
  readonly logger: FastifyBaseLogger;
}

export interface CodecAccess {
  readonly codec: PayloadCodec;
  /** Secret part of the codec's URL: whoever knows it may decode. At least 32 random characters. */
  readonly capability: string;
  /** Origin of the Temporal UI, e.g. `http://127.0.0.1:8233`: only its pages may ask. */
  readonly uiOrigin: string;
}

/** The server as routes see it: schemas give the types. */
export type Api = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  ZodTypeProvider
>;
