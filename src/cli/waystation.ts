/** The command line: one file a command. Started by bin.mjs, or by node itself where that runs TypeScript. */
import { Command, CommanderError } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { caseCommand } from './case.ts';
import { checkCommand } from './check.ts';
import { clientCommand } from './client.ts';
import { demoCommand } from './demo.ts';
import { destinationCommand } from './destination.ts';
import { gapsCommand } from './gaps.ts';
import { journalCommand } from './journal.ts';
import { mapCommand } from './map.ts';
import { patientCommand } from './patient.ts';
import { pseudonymCommand } from './pseudonym.ts';
import { replayCommand } from './replay.ts';
import { startCommand } from './start.ts';
import { statusCommand } from './status.ts';
import { CliError, EXIT, sayError } from './terminal.ts';

async function run(argv: readonly string[]): Promise<void> {
  // A reader that went away (`… | head`) is no fault.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? EXIT.done : EXIT.refused));
  try {
    await program().parseAsync(argv);
  } catch (error) {
    process.exitCode = exitCodeOf(error);
  }
}

function program(): Command {
  const root = new Command('waystation')
    .description('Store-and-forward telemedicine: HL7 v2, DICOM and FHIR in, one case out, the signed report home.')
    .version(packageJson.version)
    .option('--config <file>', 'configuration file (WAYSTATION_CONFIG, ./waystation.yaml)')
    .option('--url <url>', 'a gateway elsewhere, such as https://gateway.example')
    .option('--token <token>', 'token of an operator there (WAYSTATION_TOKEN)')
    .option('--json', 'answer in JSON')
    .addHelpText('after', AFTER);
  for (const command of COMMANDS) root.addCommand(command());
  for (const command of [root, ...descendants(root)]) {
    command.exitOverride().showHelpAfterError('  (--help shows how)').configureHelp({ showGlobalOptions: true });
  }
  return root;
}

function descendants(command: Command): Command[] {
  return command.commands.flatMap((child) => [child as Command, ...descendants(child as Command)]);
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  if (!(error instanceof CliError)) throw error;
  sayError(error);
  return error.exitCode;
}

const COMMANDS = [
  startCommand,
  checkCommand,
  demoCommand,
  statusCommand,
  caseCommand,
  patientCommand,
  pseudonymCommand,
  journalCommand,
  gapsCommand,
  replayCommand,
  destinationCommand,
  clientCommand,
  mapCommand,
];

const AFTER = `
Start here:
  npx waystation demo       whole consultations through a gateway of its own
  npx waystation start      the same gateway, left running

Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 faults in the configuration, 4 no gateway answers, 5 could not start.`;

await run(process.argv);
