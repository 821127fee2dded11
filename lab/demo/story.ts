import { withLocalTimes } from '../../domain/local-time.ts';
import type { MigrationView } from '../../domain/migration-view.ts';
import { type Pass, passName } from '../../domain/passes.ts';
import { STEP_IDS, STEPS, type StepId, type StepState } from '../../domain/steps.ts';
import type { RunningService } from '../../workers/service.ts';
import { createMailboxNews } from './mailbox-news.ts';
import type { DemoOptions } from './options.ts';
import type { OutsideSender } from './outside-sender.ts';
import type { Manager, Operator } from './parties.ts';
import { DOMAIN, MANAGER, TIME_ZONE } from './people.ts';
import type { Screen } from './screen.ts';
import { summarise } from './summary.ts';
import type { WorkerProcess } from './worker-process.ts';
import type { World } from './world.ts';

export interface Stage {
  readonly migrationId: string;
  readonly options: DemoOptions;
  readonly screen: Screen;
  readonly world: World;
  readonly worker: WorkerProcess;
  readonly operator: Operator;
  readonly manager: Manager;
  readonly sender: OutsideSender;
  readonly service: RunningService;
}

const LOOK_EVERY_MS = 150;
/** The longest pause of a sound run is the 20 s until the cutover date. */
const WONDER_AFTER_MS = 60_000;
/** What does not move for so long hangs, and a demo that hangs is worse than one that fails. */
const LIMIT_MS = 5 * 60_000;
const STRAGGLERS = 3;

export interface Played {
  /** Passes in which the worker was killed. */
  readonly kills: readonly Pass[];
}

/** Plays both parties until support has ended: looks where the story is, and does what it waits for. */
export async function playStory(stage: Stage): Promise<Played> {
  const { migrationId, options, screen, operator, manager, sender, service, worker } = stage;
  const told = new Map<StepId, string>();
  const once = new Set<string>();
  const doOnce = async (what: string, work: () => Promise<void>) => {
    if (once.has(what)) return;
    once.add(what);
    await work();
  };
  const watch = watchProgress(stage);
  const tellNews = createMailboxNews(operator, screen, migrationId);
  // A person takes minutes at a gate, and nobody wants to read through hundreds of mails of that time.
  sender.start(options.handsOn ? 5_000 : 500);
  const kills = armKiller(stage);
  let handsOnGate = '';
  for (;;) {
    await Promise.race([service.failed, worker.failed, new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))]);
    const view = await operator.view(migrationId);
    watch(view);
    for (const id of STEP_IDS) tell(screen, told, id, view.steps[id]);
    await tellNews(view);
    stage.world.pass = view.pass && { kind: view.pass.kind, number: view.pass.number };
    if (view.status === 'ended') return { kills };
    if (view.status === 'cancelled') throw new Error('the migration was cancelled');
    await actOnWorld(stage, view, doOnce);
    if (options.handsOn) {
      const gate = view.openGate?.gateId ?? '';
      if (gate !== handsOnGate && gate !== '') explainGate(stage, view);
      handsOnGate = gate;
      await manager.answerMail((question, link) => {
        if (question.kind === 'acknowledgement') return '';
        screen.line('client', `got a link: ${link}`);
        return null;
      });
    } else {
      await manager.answerMail((question) => summarise(question.evidence));
      await operator.decideIfAsked(view);
    }
  }
}

/** Says where the story stands when it does not move, and gives up when it does not for long. Persons may take their time. */
function watchProgress({ screen, options, service }: Stage): (view: MigrationView) => void {
  let last = '';
  let movedAt = performance.now();
  let wondered = false;
  return (view) => {
    const { updatedAt: _, ...facts } = view;
    const now = JSON.stringify(facts);
    const person = options.handsOn && view.waitingFor.some((party) => party !== 'service');
    if (now !== last || person) {
      last = now;
      movedAt = performance.now();
      wondered = false;
      return;
    }
    const stillMs = performance.now() - movedAt;
    const home = service.env['MAILFERRY_HOME'];
    if (stillMs > LIMIT_MS) throw new Error(`Nothing has moved for five minutes. ${view.headline}`);
    if (stillMs < WONDER_AFTER_MS || wondered) return;
    wondered = true;
    screen.line('lab', `nothing has moved for a minute; logs: ${home}/service.log, ${home}/worker.log`);
  };
}

/** What the client does outside the service: publishes records, picks a date. And the old habits of the internet. */
async function actOnWorld(
  stage: Stage,
  view: MigrationView,
  doOnce: (what: string, work: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const { migrationId, screen, world, operator, sender } = stage;
  const { steps } = view;
  if (steps.A4.status === 'waiting' && view.cutoverAt === null) {
    await doOnce('date', async () => {
      const at = new Date(Date.now() + 20_000).toISOString();
      await operator.rest.put(`/v1/migrations/${migrationId}/cutover-date`, { at });
      screen.line('client', `picks the cutover date: ${withLocalTimes(at, TIME_ZONE)}`);
    });
  }
  if (steps.A7.status === 'waiting') {
    await doOnce('records', async () => {
      world.zone.set(DOMAIN, 'MX', [`0 ${world.names.newMx}`], world.names.ttlSeconds);
      world.zone.set(`autodiscover.${DOMAIN}`, 'CNAME', [world.names.autodiscover], world.names.ttlSeconds);
      screen.line('client', `edits the zone: MX 0 ${world.names.newMx}, autodiscover → ${world.names.autodiscover}`);
    });
  }
  if (steps.C3.status === 'waiting') {
    await doOnce('spf', async () => {
      world.zone.set(DOMAIN, 'TXT', [`v=spf1 mx ${world.names.spfMechanism} -all`], world.names.ttlSeconds);
      screen.line('client', `edits the zone: SPF includes ${world.names.spfMechanism.replace('include:', '')}`);
    });
  }
  if (steps.C7.status === 'done') {
    await doOnce('stubborn', async () => {
      const to = world.people[0]?.address;
      if (!to) return;
      for (let count = 0; count < STRAGGLERS; count += 1) await sender.sendByHeart(to);
      screen.line('outside', `a sender with the old MX by heart delivers ${STRAGGLERS} messages to the old server`);
    });
  }
}

const MARKS: Readonly<Record<StepState['status'], string>> = {
  doing: '…',
  waiting: '…',
  done: '✓',
  'not-needed': '–',
  ahead: '',
};

function tell(screen: Screen, told: Map<StepId, string>, id: StepId, step: StepState): void {
  if (step.status === 'ahead' || (step.status === 'doing' && step.note === '')) return;
  const text = `${MARKS[step.status]} ${sentenceOf(id, step)}`;
  if (told.get(id) === text) return;
  told.set(id, text);
  screen.line(id, text);
}

/** A note that begins with the step's own title is not told it twice, nor who decides. */
export function sentenceOf(id: StepId, { status, note, waitingFor }: StepState): string {
  const { title } = STEPS[id];
  const repeats = note.toLowerCase().startsWith(`${title.toLowerCase()}: `);
  const said = (repeats ? note.slice(title.length + 2) : note).replace(/; [a-z ]+ decides?$/, '');
  const rest = withLocalTimes(said, TIME_ZONE);
  const whom = status === 'waiting' && waitingFor.length > 0 ? ` (waiting for ${waitingFor.join(' and ')})` : '';
  return `${title}: ${rest}${whom}`;
}

function explainGate({ screen, service, world }: Stage, view: MigrationView): void {
  const gate = view.openGate;
  if (!gate) return;
  const both = view.waitingFor.includes('provider');
  screen.title(`Gate ${gate.gate} is open (evidence ${gate.digest.slice(0, 12)}) and waits for you`);
  screen.plain(`  As the client: the link and then the code are in the mails to ${MANAGER.name}, which you find at
    ${world.catcher.url}
  As the operator, in this folder${both ? '' : " (only to look: this gate is the client's alone)"}:
    export MAILFERRY_HOME=${shellWord(service.env['MAILFERRY_HOME'] ?? '')}
    npx mailferry gate show ${gate.gateId}`);
  if (both) screen.plain(`    npx mailferry gate approve ${gate.gateId}`);
}

function shellWord(text: string): string {
  return /^[\w./:@-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/**
 * kill -9 at the moment a message reaches the target, once a pass: the effect happens, the record of it does not.
 * @returns the passes in which that was done, growing.
 */
function armKiller({ options, world, worker, screen }: Stage): readonly Pass[] {
  const kills: Pass[] = [];
  if (!options.killWorker) return kills;
  const enough = Math.max(1, Math.min(40, Math.floor(options.messages / 3)));
  let appends = 0;
  world.onWrite = () => {
    const { pass } = world;
    if (pass === null || kills.some(({ number }) => number === pass.number)) return;
    appends += 1;
    if (pass.kind === 'initial' && appends < enough) return;
    if (!worker.kill()) return;
    kills.push(pass);
    screen.line('lab', `kill -9 of the worker in pass ${passName(pass)}, in the middle of an APPEND`);
  };
  return kills;
}
