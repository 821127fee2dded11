/** As `mailferry up`, but the work is left to worker processes; prints in one line of JSON how they reach it. */
import { readConfig } from '../../config.ts';
import { startService } from '../../workers/service.ts';

const service = await startService(readConfig(process.env), { workers: false });
process.stdout.write(`${JSON.stringify(service.env)}\nMailferry is ready.\n`);
process.once('SIGTERM', () => void service.stop().then(() => process.exit(0)));
