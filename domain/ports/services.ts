import type { SecretRef, SmtpEndpoint } from '../plan.ts';

/** Reads secrets where references point; adapters call it at the last moment and never store the value. */
export interface Secrets {
  /** @throws SECRET_MISSING */
  resolve(ref: SecretRef): Promise<string>;
}

export interface Notification {
  /** Repeats with the same id are delivered once where the transport allows, and carry the same Message-ID. */
  readonly id: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

export interface Notifier {
  /** **Not** idempotent over SMTP. @throws HOST_UNREACHABLE, CONNECTION_LOST */
  send(notification: Notification, signal: AbortSignal): Promise<void>;
}

/** Sends a probe message as an outside sender would, straight to an SMTP entrance. */
export interface ProbeSender {
  /** @throws HOST_UNREACHABLE, CONNECTION_LOST, MESSAGE_REFUSED */
  send(
    entrance: SmtpEndpoint,
    probe: { from: string; to: string; token: string; subject: string; text: string },
    signal: AbortSignal,
  ): Promise<void>;
}

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
}
