import type { MigrationView } from '../../domain/migration-view.ts';
import { STEP_IDS, STEPS, type StepId, type StepState } from '../../domain/steps.ts';
import type { RunningService } from '../../workers/service.ts';
import type { DemoOptions } from './options.ts';
import type { OutsideSender } from './outside-sender.ts';
import type { Manager, Operator } from './parties.ts';
import { DOMAIN } from './people.ts';
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
/** A run takes about a minute; what takes longer than this hangs, and a demo that hangs is worse than one that fails. */
const LIMIT_MS = 10 * 60_000;

/** Plays both parties until support has ended: looks where the story is, and does what it waits for. */
export async function playStory(stage: Stage): Promise<void> {
  const { migrationId, options, screen, operator, manager, sender, service } = stage;
  const told = new Map<StepId, string>();
  const once = new Set<string>();
  const doOnce = async (what: string, work: () => Promise<void>) => {
    if (once.has(what)) return;
    once.add(what);
    await work();
  };
  const deadline = performance.now() + LIMIT_MS;
  sender.start(500);
  armKiller(stage);
  let handsOnGate = '';
  for (;;) {
    if (performance.now() > deadline)
      throw new Error('The story did not come to its end in ten minutes; see service.log and worker.log.');
    await Promise.race([service.failed, new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))]);
    const view = await operator.view(migrationId);
    for (const id of STEP_IDS) tell(screen, told, id, view.steps[id]);
    stage.world.passNumber = view.pass?.number ?? 0;
    if (view.status === 'ended') return;
    if (view.status === 'cancelled') throw new Error('the migration was cancelled');
    await actOnWorld(stage, view, doOnce);
    if (options.handsOn) {
      const gate = view.openGate?.gateId ?? '';
      if (gate !== handsOnGate && gate !== '') explainGate(stage, view);
      handsOnGate = gate;
      await manager.answerMail((question) => (question.kind === 'gate' ? null : ''));
    } else {
      await manager.answerMail((question) => summarise(question.evidence));
      await operator.decideIfAsked(view);
    }
  }
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
      screen.line('client', `picks the cutover date: ${at}`);
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
  if (steps.C2.status === 'done') {
    await doOnce('stubborn', async () => {
      const to = world.people[0]?.address;
      if (!to) return;
      for (let count = 0; count < 3; count += 1) await sender.sendByHeart(to, world.names.oldMx);
      screen.line('outside', 'a sender with the old MX by heart delivers three messages to the old server');
    });
  }
  if (steps.C5.status === 'done') {
    await doOnce('quiet', async () => {
      await sender.stop();
      screen.line('outside', `falls silent after ${sender.journal.length} messages`);
    });
  }
}

function tell(screen: Screen, told: Map<StepId, string>, id: StepId, step: StepState): void {
  if (step.status === 'ahead' || (step.status === 'doing' && step.note === '')) return;
  const whom = step.status === 'waiting' ? ` (waiting for ${step.waitingFor.join(' and ')})` : '';
  const mark = { doing: '…', waiting: '…', done: '✓', 'not-needed': '–', ahead: '' }[step.status];
  const text = `${mark} ${STEPS[id].title}: ${step.note}${whom}`;
  if (told.get(id) === text) return;
  told.set(id, text);
  screen.line(id, text);
}

function explainGate({ screen, service, migrationId }: Stage, view: MigrationView): void {
  const gate = view.openGate;
  if (!gate) return;
  screen.title(`Gate ${gate.gate} is open`);
  screen.plain(`  As the client: open the newest link of the mail catcher, ask for a code, type it.
  As the operator: MAILFERRY_API_URL=${service.apiUrl} MAILFERRY_HOME=${service.env['MAILFERRY_HOME']} npx mailferry gate show ${gate.gateId}
                   … gate approve ${gate.gateId}     (gates cutover and completion)
  Migration ${migrationId}, evidence ${gate.digest.slice(0, 12)}. The mails: ${service.env['MAILFERRY_HOME']}/catcher/`);
}

/** kill -9 at the moment a message reaches the target, once a pass: the effect happens, the record of it does not. */
function armKiller({ options, world, worker, screen }: Stage): void {
  if (!options.killWorker) return;
  const killed = new Set<number>();
  let appends = 0;
  world.onAppend = () => {
    const pass = world.passNumber;
    if (pass === 0 || killed.has(pass)) return;
    appends += 1;
    if (appends % 3 !== 0 && pass !== 1) return;
    if (pass === 1 && appends < 40) return;
    killed.add(pass);
    worker.kill();
    screen.line('lab', `kill -9 of the worker in pass ${pass}, in the middle of an APPEND`);
  };
}
