/** `waystation status`: is it up, and how much waits where. */
import { Command } from 'commander';
import type { StatusView } from '../endpoints/operations/contract.ts';
import { findGateway, type Reach } from './gateway-client.ts';
import { columns, EXIT, moment, say, sayJson } from './terminal.ts';

export function statusCommand(): Command {
  return new Command('status')
    .description('doors, readiness and what waits; exit code 1 when the gateway is not ready')
    .action((_options, called: Command) => status(called.optsWithGlobals()));
}

async function status(options: Reach & { json?: boolean }): Promise<void> {
  const gateway = await findGateway(options);
  const view = await gateway.get<StatusView>('/status');
  if (options.json) sayJson(view);
  else say(text(view));
  if (!view.ready) process.exitCode = EXIT.refused;
}

function text({ version, started, addresses, ready, checks, pending, failed, held, lanes }: StatusView): string {
  const faults = Object.entries(checks).filter(([, wrong]) => wrong !== '');
  const since = (oldest: string | null) => (oldest === null ? '' : `since ${moment(oldest)}`);
  const rows = [
    ['corridor', `${pending.depth} waiting`, since(pending.oldest), held > 0 ? `${held} held` : '', failed > 0 ? `${failed} failed` : ''],
    ...lanes.map((lane) => [
      `to ${lane.destination}`,
      `${lane.waiting} waiting`,
      since(lane.oldest),
      lane.held > 0 ? `${lane.held} held` : '',
      lane.dead > 0 ? `${lane.dead} set aside` : '',
    ]),
  ];
  return [
    `waystation ${version}, up since ${moment(started)}: ${ready ? 'ready' : 'not ready'}`,
    ...faults.map(([check, wrong]) => `  ${check}: ${wrong}`),
    '',
    ...addresses.map((address) => `  ${address}`),
    '',
    columns(rows, '  '),
  ].join('\n');
}
