import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readConfig } from '../../config.ts';
import { MigrationError } from '../../domain/errors.ts';
import { findRunningService } from '../../embedded/lock.ts';
import { findFreePort, isFree } from '../../embedded/ports.ts';
import { findHomeFile, homeFolder, OPERATOR_TOKEN_FILE } from '../../home.ts';
import { createLogger } from '../../log.ts';
import { type RunningService, startService } from '../../workers/service.ts';
import { auditSentMail, compareWithOracle } from './audit.ts';
import { type DemoOptions, readOptions, USAGE } from './options.ts';
import { OutsideSender } from './outside-sender.ts';
import { Manager, Operator } from './parties.ts';
import { DOMAIN, employees, ORGANISATION } from './people.ts';
import { POLICY, writePlanFiles } from './plan-files.ts';
import { type DemoReport, isOk, writeReports } from './report.ts';
import { Screen } from './screen.ts';
import { playStory } from './story.ts';
import { startWorkerProcess } from './worker-process.ts';
import { startWorld } from './world.ts';

/** The whole of it: a small world, the service on the embedded default, both parties, and an independent audit at the end. */
async function demo(options: DemoOptions, screen: Screen): Promise<number> {
  const home = join(homeFolder(process.env), 'demo');
  const running = findRunningService(home);
  if (running) throw new MigrationError('ALREADY_RUNNING', `A demo runs already (process ${running.pid}).`);
  await rm(home, { recursive: true, force: true });
  await mkdir(home, { recursive: true, mode: 0o700 });
  const closers: (() => Promise<unknown>)[] = [];
  const close = async () => {
    for (const each of closers.splice(0).reverse())
      await each().catch((error: unknown) => screen.bad(`while stopping: ${error}`));
  };
  const interrupted = onInterrupt(close);
  try {
    screen.title(`Mailferry demo: ${ORGANISATION} (${DOMAIN}) moves to hosted mail`);
    const people = employees(options.mailboxes);
    const world = await startWorld({
      people,
      messages: options.messages,
      seed: options.seed,
      say: (text) => screen.line('lab', text),
    });
    closers.push(() => world.close());
    const service = await startDemoService(home, world.catcher.smtpUrl, screen);
    closers.push(() => service.stop());
    const worker = startWorkerProcess(service.env, join(home, 'worker.log'));
    closers.push(() => worker.stop());
    screen.line(
      'service',
      `API ${service.apiUrl}, Temporal UI ${service.temporalUiUrl}, worker in a process of its own`,
    );
    screen.line(
      'service',
      `waiting periods are seconds here: ${Object.entries(POLICY)
        .map(([name, value]) => `${name} ${value}`)
        .join(', ')}`,
    );

    const operator = new Operator(service.apiUrl, findHomeFile(home, OPERATOR_TOKEN_FILE) ?? '', screen);
    const manager = new Manager(service.apiUrl, world.catcher, screen);
    const sender = new OutsideSender(people, world.dnsView, world.exchanger);
    const files = await writePlanFiles(home, world, people);
    const { id } = await operator.rest.post<{ id: string }>(
      '/v1/migrations',
      { plan: files.plan, mailboxes: files.mailboxes },
      `demo-${Date.now()}`,
    );
    await operator.rest.post(`/v1/migrations/${id}/start`);
    screen.line('operator', `stored the plan with ${people.length} mailboxes and started migration ${id}`);

    const began = performance.now();
    await playStory({ migrationId: id, options, screen, world, worker, operator, manager, sender, service });
    await sender.stop();

    screen.title('What became of it');
    const report = await buildReport(id, options, performance.now() - began, {
      operator,
      world,
      sender,
      worker,
      people,
    });
    const html = await operator.rest.getText(`/v1/migrations/${id}/report?format=html`);
    const paths = await writeReports(home, report, html);
    show(report, screen);
    screen.plain(`\nReports: ${paths.json}\n         ${paths.html}`);
    if (process.stdout.isTTY) {
      screen.plain(
        `\nTemporal UI: ${service.temporalUiUrl}\nAPI:         ${service.apiUrl}/openapi.json\nEverything stays up until Ctrl-C.`,
      );
      await interrupted.asked;
    }
    return report.ok ? 0 : 1;
  } finally {
    await close();
  }
}

async function startDemoService(home: string, smtpUrl: string, screen: Screen): Promise<RunningService> {
  const port = (await isFree(7080)) ? 7080 : await findFreePort();
  const { DATABASE_URL: _database, TEMPORAL_ADDRESS: _address, ...environment } = process.env;
  const config = readConfig({
    ...environment,
    MAILFERRY_HOME: home,
    MAILFERRY_API_PORT: String(port),
    MAILFERRY_SMTP_URL: smtpUrl,
    MAILFERRY_MAIL_FROM: 'Mailferry <mailferry@provider.test>',
  });
  const log = createWriteStream(join(home, 'service.log'), { flags: 'a' });
  const logger = createLogger(config, { write: (line) => log.write(line) });
  return await startService(config, { workers: false, logger, onProgress: (line) => screen.line('service', line) });
}

interface Sources {
  readonly operator: Operator;
  readonly world: Awaited<ReturnType<typeof startWorld>>;
  readonly sender: OutsideSender;
  readonly worker: ReturnType<typeof startWorkerProcess>;
  readonly people: ReturnType<typeof employees>;
}

async function buildReport(id: string, options: DemoOptions, milliseconds: number, from: Sources): Promise<DemoReport> {
  const { operator, world, sender, worker, people } = from;
  const service = await operator.rest.get<ServiceReport>(`/v1/migrations/${id}/report`);
  const oracle = await compareWithOracle(world, people);
  const sent = await auditSentMail(world, people, sender.journal);
  const mailboxes = service.mailboxes.map((mailbox) => ({
    address: mailbox.address,
    ...mailbox.tally,
    verified: mailbox.tally.lost === 0 && mailbox.tally.doubled === 0 && mailbox.lastPass !== null,
    oracle: oracle.get(mailbox.address) ?? { lost: 0, doubled: 0, misfiled: 0 },
  }));
  const sum = (key: 'lost' | 'doubled' | 'misfiled') =>
    mailboxes.reduce((total, mailbox) => total + mailbox.oracle[key], 0);
  const report = {
    seed: options.seed,
    migrationId: id,
    seconds: Math.round(milliseconds / 100) / 10,
    source: world.source.kind,
    total: service.total,
    mailboxes,
    oracle: { lost: sum('lost'), doubled: sum('doubled'), misfiled: sum('misfiled') },
    sentDuringMove: sent,
    workerKills: worker.kills,
    steps: service.migration.view.steps,
  };
  return { ...report, ok: isOk(report) };
}

interface ServiceReport {
  readonly migration: { readonly view: { readonly steps: DemoReport['steps'] } };
  readonly total: DemoReport['total'];
  readonly mailboxes: readonly {
    readonly address: string;
    readonly tally: DemoReport['total'];
    readonly lastPass: unknown;
  }[];
}

function show(report: DemoReport, screen: Screen): void {
  const other = (tally: DemoReport['total']) =>
    tally.repaired + tally.wrapped + tally.alreadyThere + tally.vanished + tally.excluded + tally.refused;
  screen.table(
    ['mailbox', 'source', 'copied', 'other', 'verified', 'lost', 'doubled'],
    [
      ...report.mailboxes.map((each) => [
        each.address,
        each.source,
        each.copied,
        other(each),
        each.verified ? 'yes' : 'NO',
        each.oracle.lost,
        each.oracle.doubled,
      ]),
      [
        'all',
        report.total.source,
        report.total.copied,
        other(report.total),
        '',
        report.oracle.lost,
        report.oracle.doubled,
      ],
    ],
  );
  const { sent, byOldMx, byNewMx, exactlyOnce, missing, more } = report.sentDuringMove;
  screen.plain(
    `\n  Sent during the move: ${sent} messages (${byOldMx} by the old MX, ${byNewMx} by the new one): ${exactlyOnce} are in the target exactly once, ${missing} missing, ${more} too often.`,
  );
  if (report.workerKills > 0) screen.plain(`  The worker was killed ${report.workerKills} times in mid-transfer.`);
  const undone = Object.entries(report.steps).filter(
    ([, step]) => step.status !== 'done' && step.status !== 'not-needed',
  );
  if (undone.length > 0) screen.bad(`  Not done: ${undone.map(([id]) => id).join(', ')}`);
  const verdict = `\n  ${report.total.source} messages at the source, ${report.oracle.lost} lost, ${report.oracle.doubled} doubled, in ${report.seconds} s.`;
  if (report.ok) screen.good(verdict);
  else screen.bad(verdict);
}

function onInterrupt(close: () => Promise<void>): { readonly asked: Promise<void> } {
  let ask: () => void = () => undefined;
  const asked = new Promise<void>((resolve) => {
    ask = resolve;
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      ask();
      setTimeout(() => process.exit(130), 9_500).unref();
      void close().finally(() => process.exit(130));
    });
  }
  return { asked };
}

const screen = new Screen();
const options = readOptions(process.argv.slice(2));
if ('help' in options) screen.plain(USAGE);
else if ('problem' in options) {
  screen.bad(`${options.problem}\n\n${USAGE}`);
  process.exitCode = 2;
} else {
  try {
    process.exitCode = await demo(options, screen);
  } catch (error) {
    screen.bad(
      error instanceof MigrationError
        ? `${error.message}\n${error.kind.remedy}`
        : String(error instanceof Error ? error.stack : error),
    );
    process.exitCode = 1;
  }
  process.exit(); // whatever still listens somewhere must not hold the terminal
}
