/**
 * The stage: a gateway on a temporary directory and free ports, configured by a file of its own, and who plays with it.
 * In: nothing. Out: everybody, ready. `close` takes all of it down and away.
 */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../config/load.ts';
import { faultText } from '../../config/source.ts';
import { surroundings } from '../../config/surroundings-store.ts';
import type { NewClient } from '../../endpoints/operations/contract.ts';
import { startGateway } from '../../main.ts';
import type { Config } from '../../model/config.ts';
import { jsonLog } from '../../model/log.ts';
import { type Gateway, gatewayIn } from '../gateway-client.ts';
import { type Clinic, openClinic } from './clinic.ts';
import { type Hospital, openHospital } from './hospital.ts';
import type { Progress } from './progress.ts';
import { newSpecialist, type Specialist } from './specialist.ts';

export type Stage = {
  readonly hospital: Hospital;
  readonly clinic: Clinic;
  readonly radiologist: Specialist;
  readonly dermatologist: Specialist;
  /** Where the gateway's doors are. */
  readonly url: string;
  readonly mllpPort: number;
  readonly dimsePort: number;
  readonly operations: Gateway;
  /** What the gateway's log warned of. */
  complaints(): string;
  close(): Promise<void>;
};

type Close = () => Promise<unknown>;

export async function openStage(progress: Progress): Promise<Stage> {
  const closes: Close[] = [];
  const close = async (): Promise<void> => {
    for (const one of closes.splice(0).reverse()) await one();
  };
  try {
    return await open(progress, closes, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function open(progress: Progress, closes: Close[], close: () => Promise<void>): Promise<Stage> {
  const home = await mkdtemp(join(tmpdir(), 'waystation-demo-'));
  closes.push(() => rm(home, { recursive: true, force: true, maxRetries: 5 }));
  // As root the database runs as another user, who has to pass here.
  await chmod(home, 0o711);
  progress.scene('The stage');
  const hospital = await openHospital();
  closes.push(hospital.close);
  const clinic = await openClinic();
  closes.push(clinic.close);
  const [radiologist, dermatologist] = [newSpecialist('Dr. Ada Example', '100001'), newSpecialist('Dr. Ben Sample', '100002')];
  const file = await writeConfiguration(home, { hospital, clinic, radiologist, dermatologist });
  const complaints: string[] = [];
  const log = jsonLog(
    (line) => complaints.push(line),
    () => new Date(),
    'warn',
  );
  const config = configured(file);
  const gateway = await progress.step('a gateway starts, with a database of its own', () => startGateway(config, { log }));
  closes.push(() => gateway.stop());
  const operations = await gatewayIn(config.dataDirectory);
  await progress.step(`its doors are open: ${gateway.addresses.join(', ')}`, async () => {
    radiologist.enter(gateway.url, await tokenOf(operations, 'dr-ada', 'reader', 'radiologists'));
    dermatologist.enter(gateway.url, await tokenOf(operations, 'dr-ben', 'reader', 'dermatologists'));
    clinic.enter(gateway.url, await tokenOf(operations, 'clinic', 'origin', 'clinic'));
  });
  const [mllpPort, dimsePort] = [portOf(gateway.addresses, 'mllp'), portOf(gateway.addresses, 'dimse')];
  const doors = { url: gateway.url, mllpPort, dimsePort, operations };
  return { hospital, clinic, radiologist, dermatologist, ...doors, complaints: () => complaints.join(''), close };
}

async function tokenOf(operations: Gateway, client: string, role: string, group: string): Promise<string> {
  return (await operations.post<NewClient>('/clients', { client, role, group })).token;
}

function portOf(addresses: readonly string[], door: string): number {
  return Number(/\d+$/.exec(addresses.find((address) => address.startsWith(`${door} `)) ?? '')?.[0]);
}

/** Without the environment: what it says of a database or a data directory is of a gateway in earnest. */
function configured(file: string): Config {
  const loaded = loadConfig({ ...surroundings(), env: {}, file });
  if ('faults' in loaded) throw new Error(loaded.faults.map(faultText).join('\n'));
  return loaded.config;
}

/** The same file a person would write; JSON is YAML, too. */
async function writeConfiguration(
  home: string,
  play: Pick<Stage, 'hospital' | 'clinic' | 'radiologist' | 'dermatologist'>,
): Promise<string> {
  await writeFile(join(home, 'clinic.token'), play.clinic.serverToken, { mode: 0o600 });
  const named = { patientAuthority: 'HOSPITAL', accessionIssuer: 'HOSPITAL', zone: '+01:00' };
  const configuration = {
    data: 'data',
    mllp: { port: 0 },
    dimse: { port: 0 },
    http: { port: 0 },
    peers: [
      {
        name: 'hospital',
        ...named,
        mllp: { application: 'RIS', facility: 'HOSPITAL' },
        dimse: { aeTitle: 'CT1' },
        returns: ['hospital-results'],
      },
      { name: 'clinic', http: { client: 'clinic' }, returns: ['clinic-server'] },
    ],
    destinations: [
      {
        name: 'hospital-results',
        kind: 'mllp',
        host: '127.0.0.1',
        port: play.hospital.port,
        receivingApplication: 'RIS',
        receivingFacility: 'HOSPITAL',
      },
      { name: 'clinic-server', kind: 'fhir', url: play.clinic.serverUrl, token: { file: 'clinic.token' } },
      { name: 'radiology', kind: 'pull', group: 'radiologists' },
      { name: 'dermatology', kind: 'pull', group: 'dermatologists' },
    ],
    routes: [{ when: { specialty: 'teledermatology' }, to: 'dermatology' }, { to: 'radiology' }],
    signers: [play.radiologist.signer, play.dermatologist.signer],
    specialties: { teleradiology: { quiet: '1s' } },
  };
  const file = join(home, 'waystation.yaml');
  await writeFile(file, JSON.stringify(configuration, null, 2));
  return file;
}
