import { createWriteStream, existsSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readConfig } from '../../config.ts';
import { MigrationError } from '../../domain/errors.ts';
import { type DataLock, findRunningService, lockDataFolder } from '../../embedded/lock.ts';
import { findFreePort, isFree } from '../../embedded/ports.ts';
import { findHomeFile, homeFolder, OPERATOR_TOKEN_FILE } from '../../home.ts';
import { createLogger } from '../../log.ts';
import { type RunningService, startService } from '../../workers/service.ts';
import type { Closing } from './closing.ts';
import type { DemoOptions } from './options.ts';
import { buildReport } from './outcome.ts';
import { OutsideSender } from './outside-sender.ts';
import { Manager, Operator } from './parties.ts';
import { DOMAIN, employees, ORGANISATION } from './people.ts';
import { POLICY, writePlanFiles } from './plan-files.ts';
import { findFaults, writeReports } from './report.ts';
import { addDemoSections } from './report-page.ts';
import type { Screen } from './screen.ts';
import { showOutcome } from './show-outcome.ts';
import { playStory } from './story.ts';
import { startWorkerProcess } from './worker-process.ts';
import { startWorld } from './world.ts';

const USUAL_PORTS = { API: 7080, Temporal: 7233, 'Temporal UI': 8233 } as const;

/**
 * The whole of it: a small world, the service on the embedded default, both parties, and an independent audit at the end.
 * @returns the exit code: 0 only if nothing is lost or doubled and every step is done.
 */
export async function runDemo(options: DemoOptions, screen: Screen, closing: Closing): Promise<number> {
  const home = join(homeFolder(process.env), 'demo');
  const lock = await takeFolder(home);
  closing.add(async () => lock.release());
  try {
    return await play(home, lock, options, screen, closing);
  } catch (error) {
    const logs = ['service.log', 'worker.log'].map((name) => join(home, name)).filter((file) => existsSync(file));
    if (logs.length > 0 && !(error instanceof Error && error.name === 'Interrupted'))
      screen.bad(`The demo has failed. What the parts said: ${logs.join(' and ')}`);
    throw error;
  }
}

async function play(
  home: string,
  lock: DataLock,
  options: DemoOptions,
  screen: Screen,
  closing: Closing,
): Promise<number> {
  screen.title(`Mailferry demo: ${ORGANISATION} (${DOMAIN}) moves to hosted mail`);
  const people = employees(options.mailboxes);
  const say = (text: string) => screen.line('lab', text);
  const world = await startWorld({ people, ...options, say });
  closing.add(() => world.close());
  await closing.unlessAsked(Promise.resolve());
  const service = await startDemoService(home, world.catcher.smtpUrl, screen);
  closing.add(() => service.stop());
  lock.announce(service.apiUrl);
  await closing.unlessAsked(Promise.resolve());
  const worker = startWorkerProcess(service.env, join(home, 'worker.log'));
  closing.add(() => worker.stop());
  const periods = Object.entries(POLICY).map(([name, value]) => `${name} ${value}`);
  screen.line('service', `waiting periods are seconds here: ${periods.join(', ')}`);

  const operator = new Operator(service.apiUrl, findHomeFile(home, OPERATOR_TOKEN_FILE) ?? '', screen);
  const manager = new Manager(service.apiUrl, world.catcher, screen);
  const sender = new OutsideSender(people, world.dnsView, world.exchanger, world.names.oldMx);
  const files = await writePlanFiles(home, world, people, options.route);
  const began = performance.now();
  const { id } = await operator.rest.post<{ id: string }>(
    '/v1/migrations',
    { plan: files.plan, mailboxes: files.mailboxes },
    `demo-${Date.now()}`,
  );
  await operator.rest.post(`/v1/migrations/${id}/start`);
  screen.line('operator', `stored the plan with ${people.length} mailboxes and started migration ${id}`);

  const stage = { migrationId: id, options, screen, world, worker, operator, manager, sender, service };
  const { kills } = await closing.unlessAsked(playStory(stage));
  await sender.stop();
  screen.line('outside', `falls silent after ${sender.journal.length} messages`);

  screen.title('What became of it');
  const milliseconds = performance.now() - began;
  const report = await closing.unlessAsked(
    buildReport({ id, options, milliseconds, kills, operator, world, sender, people }),
  );
  const page = await operator.rest.getText(`/v1/migrations/${id}/report?format=html`);
  const paths = await writeReports(home, report, addDemoSections(page, report));
  showOutcome(report, findFaults(report), screen);
  screen.plain(`\nReports: ${paths.json}\n         ${paths.html}`);
  if (process.stdout.isTTY) {
    screen.plain(
      `\nTemporal UI: ${service.temporalUiUrl}\nAPI:         ${service.apiUrl}/openapi.json\nMails:       ${world.catcher.url}\nEverything stays up until Ctrl-C.`,
    );
    await closing.whenAsked();
    screen.plain('\nStopping.');
  }
  return report.ok ? 0 : 1;
}

/** Empties the folder of the last run for this one. @throws ALREADY_RUNNING while another demo uses it. */
async function takeFolder(home: string): Promise<DataLock> {
  const lockFolder = 'running'; // beside the service's own lock, which is taken seconds later
  const other = findRunningService(join(home, lockFolder)) ?? findRunningService(home);
  if (other) {
    const where = other.apiUrl === null ? 'It is still starting.' : `Its API is ${other.apiUrl}.`;
    throw new MigrationError(
      'ALREADY_RUNNING',
      `A demo runs already (process ${other.pid}) and keeps its data in ${home}. ${where}`,
      { facts: { pid: other.pid } },
    );
  }
  await mkdir(home, { recursive: true, mode: 0o700 });
  const lock = lockDataFolder(join(home, lockFolder));
  for (const name of await readdir(home)) {
    if (name !== lockFolder) await rm(join(home, name), { recursive: true, force: true });
  }
  return lock;
}

async function startDemoService(home: string, smtpUrl: string, screen: Screen): Promise<RunningService> {
  const { DATABASE_URL: _database, TEMPORAL_ADDRESS: _address, ...environment } = process.env;
  const log = createWriteStream(join(home, 'service.log'), { flags: 'a' });
  const start = async (port: number) => {
    const config = readConfig({
      MAILFERRY_API_PORT: String(port),
      ...environment,
      MAILFERRY_HOME: home,
      MAILFERRY_SMTP_URL: smtpUrl,
      MAILFERRY_MAIL_FROM: 'Mailferry <mailferry@provider.test>',
    });
    const logger = createLogger(config, { write: (line) => log.write(line) });
    const onProgress = (line: string) => screen.line('service', line);
    return await startService(config, { workers: false, logger, onProgress });
  };
  const free = (await isFree(USUAL_PORTS.API)) ? USUAL_PORTS.API : await findFreePort();
  const service = await start(free).catch(async (error: unknown) => {
    // The API listens seconds after we looked; somebody else, another demo even, may have been quicker.
    const taken = error instanceof MigrationError && error.code === 'PORT_IN_USE' && free === USUAL_PORTS.API;
    if (!taken || environment['MAILFERRY_API_PORT'] !== undefined) throw error;
    return await start(await findFreePort());
  });
  tellPorts(service, screen);
  return service;
}

function tellPorts(service: RunningService, screen: Screen): void {
  screen.line('service', `API ${service.apiUrl}, worker in a process of its own`);
  if (service.temporalUiUrl !== null) screen.line('service', `Temporal UI ${service.temporalUiUrl}`);
  const chosen = {
    API: service.apiUrl,
    Temporal: `http://${service.env['TEMPORAL_ADDRESS'] ?? ''}`,
    'Temporal UI': service.temporalUiUrl ?? '',
  };
  for (const [name, usual] of Object.entries(USUAL_PORTS)) {
    const url = chosen[name as keyof typeof chosen]; // both have the same keys
    const actual = URL.canParse(url) ? Number(new URL(url).port) : usual;
    if (actual !== usual) screen.line('service', `port ${usual} is not to be had; ${name} listens at ${actual}`);
  }
}
