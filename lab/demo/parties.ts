import type { MigrationView } from '../../domain/migration-view.ts';
import type { Catcher } from './catcher.ts';
import { MANAGER } from './people.ts';
import { Rest } from './rest.ts';
import type { Screen } from './screen.ts';

export interface Question {
  readonly kind: 'gate' | 'acknowledgement';
  readonly gate: string | null;
  readonly step: string | null;
  readonly title: string;
  readonly state: 'open' | 'decided' | 'closed';
  readonly digest: string | null;
  readonly evidence: unknown;
}

/**
 * The client's office manager: gets a link by mail, looks at what is asked, has a code sent to the phone, types it. Everything
 * by the REST API, with the code read from the mail catcher.
 */
export class Manager {
  readonly #apiUrl: string;
  readonly #catcher: Catcher;
  readonly #screen: Screen;
  readonly #answered = new Set<string>();

  constructor(apiUrl: string, catcher: Catcher, screen: Screen) {
    this.#apiUrl = apiUrl;
    this.#catcher = catcher;
    this.#screen = screen;
  }

  /** Answers every link that came and was not answered yet; `show` says what is printed of the evidence, null leaves it to somebody else. */
  async answerMail(show: (question: Question, link: string) => string | null): Promise<void> {
    for (const mail of this.#catcher.to(MANAGER.email)) {
      const [link, key] = /https?:\S+\/portal\/#([\w-]{43})/.exec(mail.text) ?? [];
      if (!link || !key || this.#answered.has(key)) continue;
      this.#answered.add(key);
      const desk = new Rest(this.#apiUrl, `Link ${key}`);
      const question = await desk.get<Question>('/v1/link').catch(() => null); // superseded since: its successor is in the mail, too
      if (question?.state !== 'open') continue;
      const evidence = show(question, link);
      if (evidence === null) continue;
      this.#screen.line('client', `opens the link: ${question.title}`);
      if (evidence) this.#screen.detail(evidence);
      const before = this.#catcher.to(MANAGER.codeEmail).length;
      await desk.post('/v1/link/challenge');
      const code = await this.#catcher.waitForCode(MANAGER.codeEmail, before);
      const verdict = question.kind === 'gate' ? 'approve' : 'acknowledge';
      await desk.post('/v1/link/decision', { verdict, digest: question.digest, code, comment: '' });
      this.#screen.line(
        'client',
        `${verdict === 'approve' ? 'approves' : 'acknowledges'} with the code from the second message`,
      );
    }
  }
}

/** The provider's operator, signed in with the token. Takes the operator's seat once the client has taken theirs. */
export class Operator {
  readonly rest: Rest;
  readonly #screen: Screen;
  readonly #decided = new Set<string>();

  constructor(apiUrl: string, token: string, screen: Screen) {
    this.rest = new Rest(apiUrl, `Bearer ${token}`);
    this.#screen = screen;
  }

  async view(migrationId: string): Promise<MigrationView> {
    return (await this.rest.get<{ view: MigrationView }>(`/v1/migrations/${migrationId}`)).view;
  }

  async decideIfAsked(view: MigrationView): Promise<void> {
    const gate = view.openGate;
    const mine = gate && (gate.gate === 'cutover' || gate.gate === 'completion');
    if (!mine || this.#decided.has(gate.gateId) || !view.waitingFor.includes('provider')) return;
    this.#decided.add(gate.gateId);
    await this.rest.post(`/v1/gates/${gate.gateId}/decision`, { verdict: 'approve', digest: gate.digest, comment: '' });
    this.#screen.line('operator', `approves gate ${gate.gate} (evidence ${gate.digest.slice(0, 12)})`);
  }
}
