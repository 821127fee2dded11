import type { Command } from 'commander';
import type { Context } from '../context.ts';

/** Commands that run here rather than ask the service. What they need is loaded only when they are called. */
export function serviceCommands(program: Command, context: Context): void {
  program
    .command('up')
    .description('run the whole service here: database, Temporal, API and workers; Ctrl-C stops it')
    .action(async () => {
      const [{ readConfig }, { runService }] = await Promise.all([
        import('../../config.ts'),
        import('../../workers/service.ts'),
      ]);
      await runService(readConfig(context.io.env));
    });

  const database = program.command('database').description("the service's own PostgreSQL");
  database
    .command('migrate')
    .description('bring the schema of DATABASE_URL up to date; twice is once')
    .action(async () => {
      const [{ readConfig }, { migrateDatabase }] = await Promise.all([
        import('../../config.ts'),
        import('../../workers/migrate-database.ts'),
      ]);
      const applied = await migrateDatabase(readConfig(context.io.env));
      context.show({ applied }, () => (applied.length === 0 ? 'Nothing to do.\n' : `Applied: ${applied.join(', ')}\n`));
    });
}
