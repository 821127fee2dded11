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

export interface Probe {
  readonly from: string;
  readonly to: string;
  readonly token: string;
  readonly subject: string;
  readonly text: string;
  /** Hops that it claims to have behind it, so that one that goes round is stopped after a few turns. 0 by default. */
  readonly hops?: number;
}

/** Sends a probe message as an outside sender would, straight to an SMTP entrance. */
export interface ProbeSender {
  /** @throws HOST_UNREACHABLE, CONNECTION_LOST, MESSAGE_REFUSED; REDIRECTION_LOOP where it is refused for having gone round */
  send(entrance: SmtpEndpoint, probe: Probe, signal: AbortSignal): Promise<void>;
}

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
}
