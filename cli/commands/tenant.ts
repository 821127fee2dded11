import type { Command } from 'commander';
import { readPlan } from '../../adapters/plan/read-plan.ts';
import { MigrationError } from '../../domain/errors.ts';
import { grantScript, removeScript } from '../../domain/permission-script.ts';
import type { PlanTexts } from '../../domain/ports/plan-reader.ts';
import { type Context, readText } from '../context.ts';
import { CliError, EXIT } from '../exit-codes.ts';

export function tenantCommands(program: Command, context: Context): void {
  const tenant = program.command('tenant').description('what an administrator of the target tenant has to do');

  tenant
    .command('script <plan> <mailboxes>')
    .description(
      'PowerShell that grants the applications of the plan what they need and nothing else; run it after reading it',
    )
    .option('--remove', 'the script that takes it all away again, for after the cutover')
    .action((planFile: string, listFile: string, { remove }: { remove?: boolean }) => {
      const [plan, list] = [readText(planFile), readText(listFile)];
      const read = readHere({
        ...{ planText: plan.text, planFile: plan.name },
        ...{ mailboxesText: list.text, mailboxesFile: list.name },
      });
      const { target, client } = read.plan;
      if (target.kind !== 'hosted-exchange') {
        throw new CliError(
          EXIT.usage,
          'The target of this plan is no tenant of Exchange Online: it has no applications.',
        );
      }
      const input = { name: client.id, target, mailboxes: read.mailboxes.map(({ address }) => address) };
      const script = remove ? removeScript(input) : grantScript(input);
      context.show({ script }, () => script);
    });
}

/** The plan is read here and not by the service: nothing of it has to be stored for this. */
function readHere(texts: PlanTexts): ReturnType<typeof readPlan> {
  try {
    return readPlan(texts);
  } catch (error) {
    if (!(error instanceof MigrationError) || error.faults.length === 0) throw error;
    const lines = error.faults.map(({ file, line, column, message }) => `${file}:${line}:${column}: ${message}`);
    throw new CliError(EXIT.usage, [error.message, ...lines].join('\n'), { cause: error });
  }
}
