/** `waystation replay`: once more through the corridor, or once more to a destination; alone, it lists what failed. */
import { Command } from 'commander';
import type {
  Accepted,
  DeliveryLine,
  JournalLine,
  Page,
  PhotoLine,
  ReplayedHeld,
  ReplayedPhotos,
  ReplayedSetAside,
  ReplayHeldRequest,
  ReplayPhotosRequest,
  ReplaySetAsideRequest,
} from '../endpoints/operations/contract.ts';
import { findGateway, type Gateway, type Reach } from './gateway-client.ts';
import { columns, moment, say, sayJson } from './terminal.ts';

type Options = Reach & { json?: boolean; delivery?: string; setAside?: string; held?: string; photos?: string | true };

export function replayCommand(): Command {
  return new Command('replay')
    .description('work a journal entry off once more, or send a delivery that was set aside or held; alone: list what failed or is held')
    .argument('[seq]', 'number of the journal entry')
    .option('--delivery <id>', 'a delivery that was set aside, to the end of its lane, or one that holds its lane, at once')
    .option(
      '--set-aside <destination>',
      'all deliveries to this destination that were set aside, in their order, to the end of their lanes',
    )
    .option('--held <peer>', 'all messages of this sender that are held for a code, now that it is mapped')
    .option('--photos [case]', 'photos and films that became no DICOM object, of one case or of all, now that the cause is mended')
    .addHelpText('after', EXAMPLES)
    .action((seq: string | undefined, _options, called: Command) => replay(seq, called.optsWithGlobals()));
}

async function replay(seq: string | undefined, options: Options): Promise<void> {
  const gateway = await findGateway(options);
  if (options.held !== undefined) return replayHeld(gateway, options.held, options);
  if (options.setAside !== undefined) return replaySetAside(gateway, options.setAside, options);
  if (options.photos !== undefined) return replayAllPhotos(gateway, options.photos, options);
  if (seq === undefined && options.delivery === undefined) return failed(gateway, options);
  const path =
    options.delivery === undefined ? `/journal/${encodeURIComponent(seq ?? '')}` : `/deliveries/${encodeURIComponent(options.delivery)}`;
  const accepted = await gateway.post<Accepted>(`${path}/replay`);
  if (options.json) sayJson(accepted);
  else say(options.delivery === undefined ? `entry ${seq} walks the corridor again` : `delivery ${options.delivery} is sent again`);
}

async function replayHeld(gateway: Gateway, peer: string, options: Options): Promise<void> {
  const accepted = await gateway.post<ReplayedHeld>('/journal/replay', { peer } satisfies ReplayHeldRequest);
  if (options.json) return sayJson(accepted);
  say(`${accepted.entries} held ${accepted.entries === 1 ? 'entry' : 'entries'} of ${peer} in the corridor again`);
}

async function replaySetAside(gateway: Gateway, destination: string, options: Options): Promise<void> {
  const accepted = await gateway.post<ReplayedSetAside>('/deliveries/replay', { destination } satisfies ReplaySetAsideRequest);
  if (options.json) return sayJson(accepted);
  say(`${accepted.deliveries} ${accepted.deliveries === 1 ? 'delivery' : 'deliveries'} to ${destination} sent again`);
}

async function replayAllPhotos(gateway: Gateway, named: string | true, options: Options): Promise<void> {
  const asked = named === true ? {} : ({ case: named } satisfies ReplayPhotosRequest);
  const accepted = await gateway.post<ReplayedPhotos>('/photos/replay', asked);
  if (options.json) return sayJson(accepted);
  say(accepted.photos === 1 ? '1 photo or film is tried again' : `${accepted.photos} photos and films are tried again`);
}

async function failed(gateway: Gateway, options: Options): Promise<void> {
  const [broken, waiting, held, dead, unmade] = await Promise.all([
    gateway.get<Page<JournalLine>>('/journal?state=failed'),
    gateway.get<Page<JournalLine>>('/journal?state=held'),
    gateway.get<Page<DeliveryLine>>('/deliveries?state=held'),
    gateway.get<Page<DeliveryLine>>('/deliveries?state=dead'),
    gateway.get<Page<PhotoLine>>('/photos'),
  ]);
  const entries = [...broken.rows, ...waiting.rows];
  const deliveries = [...held.rows, ...dead.rows];
  const photos = unmade.rows;
  if (options.json) return sayJson({ entries, deliveries, photos });
  if (entries.length + deliveries.length + photos.length === 0) return say('nothing failed');
  const rows = [
    ...entries.map((entry) => [String(entry.seq), moment(entry.received), `${entry.type} from ${entry.peer}`, entry.detail]),
    ...deliveries.map((one) => [`--delivery ${one.id}`, moment(one.created), `${one.kind} to ${one.destination}`, one.lastFailure]),
    ...photos.map((one) => [`--photos ${one.caseId}`, moment(one.since), `${one.media} as a DICOM object`, one.lastFailure]),
  ];
  say(columns([['REPLAY', 'SINCE', 'WHAT', 'WHY'], ...rows]));
}

const EXAMPLES = `
Examples:
  npx waystation replay                                             what failed or is held, and how to replay it
  npx waystation replay 1042
  npx waystation replay --held north-hospital
  npx waystation replay --set-aside reading-pacs
  npx waystation replay --photos ACC-1001
  npx waystation replay --delivery 0190e2a4-7b1c-7def-8000-0242ac120002`;
