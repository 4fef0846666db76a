/** `waystation demo`: whole consultations through the real doors of a gateway of its own; exit code 0 only if every step held. */
import { Command } from 'commander';
import { openProgress, type Progress } from './demo/progress.ts';
import { CliError, EXIT, say } from './terminal.ts';

export function demoCommand(): Command {
  return new Command('demo')
    .description('play whole consultations on a gateway of its own, which is removed afterwards')
    .addHelpText('after', DETAILS)
    .action(() => demo());
}

async function demo(): Promise<void> {
  // Loaded here, so that the other commands do not wait for what only a gateway needs.
  const [{ openStage }, { teleradiology }, { teledermatology }] = await Promise.all([
    import('./demo/stage.ts'),
    import('./demo/teleradiology.ts'),
    import('./demo/teledermatology.ts'),
  ]);
  say(WELCOME);
  const progress = openProgress();
  const stage = await openStage(progress);
  const interrupted = stopAtSignal(stage.close);
  try {
    const shown = [...(await teleradiology(stage, progress)), ...(await teledermatology(stage, progress))];
    say(`\n${shown.join('\n\n')}\n`);
  } catch (error) {
    say(stage.complaints());
    throw error instanceof CliError ? error : new CliError(`the demo broke off: ${(error as Error).message}`, '', EXIT.refused);
  } finally {
    process.off('SIGINT', interrupted);
    await stage.close();
  }
  say(ending(progress));
}

/** Ctrl-C takes everything down, too. */
function stopAtSignal(close: () => Promise<void>): () => void {
  const stop = (): void => void close().finally(() => process.exit(130));
  process.once('SIGINT', stop);
  return stop;
}

function ending({ steps, seconds }: Progress): string {
  return `All ${steps()} steps held, in ${seconds().toFixed(1)} s. \`npm start\` runs the same gateway and leaves it running.`;
}

const WELCOME = `A hospital and a clinic ask, specialists answer. All of them are invented; all sockets, files and the database are real.
Nothing leaves this machine, and nothing stays on it.`;

const DETAILS = `
Teleradiology: an order by HL7 v2 and a CT series by DICOM, in both orders of arrival; a signed report home as ORU^R01.
Teledermatology: three photos and a history form by FHIR; a signed report pushed to the clinic's own FHIR server.`;
