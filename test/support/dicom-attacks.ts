/** Four ways to hand something wrong to a DICOM door: the dataset or the whole conversation, at either door. What came of it, in one word. */
import { part10Prefix } from '../../src/protocols/dicom/part10.ts';
import { encodePdu } from '../../src/protocols/dicom/pdu.ts';
import { associateRq, callDoor, type DicomSender, datasetValues, type SentObject, storeRq } from './dicom-sender.ts';
import { mutated } from './mutation.ts';

export type FuzzTarget = { readonly http: string; readonly dimsePort: number; readonly token: string };
export type FuzzSeed = SentObject & { readonly transferSyntax: string };
/** `taken`: what must be served from now on, and as what. */
export type Outcome =
  | { readonly kind: 'refused' | 'closed' }
  | { readonly kind: 'taken'; readonly dataset: Buffer; readonly sopInstanceUid: string };
export type Attack = (target: FuzzTarget, seed: FuzzSeed, random: () => number, other: Buffer) => Promise<Outcome>;

/** Several fragments even of a small object. */
const FRAGMENT = 4_000;
const BOUNDARY = 'mutant';
const CLOSED: Outcome = { kind: 'closed' };
const REFUSED: Outcome = { kind: 'refused' };

/** A well-made C-STORE of a wrong dataset. */
const storeMutant: Attack = async ({ dimsePort }, seed, random, other) => {
  // At least a byte: without any there is no fragment that could be the last.
  const wrong = mutated(seed.dataset, random, other);
  const dataset = wrong.length > 0 ? wrong : Buffer.alloc(2);
  const sender = await callDoor(dimsePort);
  try {
    sender.sendPdu(association(seed));
    if ((await sender.pdu()).type !== 'A-ASSOCIATE-AC') return REFUSED;
    sender.store({ ...seed, dataset }, FRAGMENT);
    const status = await sender.status();
    return status === 0 ? { kind: 'taken', dataset, sopInstanceUid: seed.sopInstanceUid } : REFUSED;
  } catch {
    // Whoever aborts leaves it to the other side to hang up.
    sender.hangUp();
    await sender.ended();
    return CLOSED;
  } finally {
    sender.reset();
  }
};

/** A conversation whose bytes are wrong anywhere. The association has its answer, or none, before the rest is sent. */
const speakMutant: Attack = async ({ dimsePort }, seed, random, other) => {
  const opening = encodePdu(association(seed));
  const rest = [storeRq(seed), ...datasetValues(seed.dataset, FRAGMENT)].map((value) => encodePdu({ type: 'P-DATA-TF', values: [value] }));
  const whole = Buffer.concat([opening, ...rest, encodePdu({ type: 'A-RELEASE-RQ' })]);
  const wrong =
    random() < 0.5 ? mutated(whole, random, other) : Buffer.concat([opening, mutated(whole.subarray(opening.length), random, other)]);
  const sender = await callDoor(dimsePort);
  sender.send(wrong.subarray(0, opening.length));
  await heard(sender);
  sender.send(wrong.subarray(opening.length));
  sender.hangUp();
  await sender.ended();
  return CLOSED;
};

/** A wrong dataset behind a right File Meta Information. */
const postMutant: Attack = async (target, seed, random, other) => {
  const dataset = mutated(seed.dataset, random, other);
  const stored = await post(target, Buffer.concat([part10Prefix(seed), dataset]), 'application/dicom');
  return stored === null ? REFUSED : { kind: 'taken', dataset, sopInstanceUid: stored };
};

/** A multipart body whose bytes are wrong anywhere. */
const postWrongBody: Attack = async (target, seed, random, other) => {
  const head = Buffer.from(`--${BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n`);
  const body = Buffer.concat([head, part10Prefix(seed), seed.dataset, Buffer.from(`\r\n--${BOUNDARY}--\r\n`)]);
  await post(target, mutated(body, random, other), `multipart/related; type="application/dicom"; boundary=${BOUNDARY}`);
  return REFUSED;
};

export const ATTACKS: readonly (readonly [name: string, attack: Attack])[] = [
  ['C-STORE of a wrong dataset', storeMutant],
  ['wrong PDUs', speakMutant],
  ['STOW-RS of a wrong dataset', postMutant],
  ['STOW-RS of a wrong body', postWrongBody],
];

function association({ sopClassUid, transferSyntax }: FuzzSeed) {
  return associateRq([{ abstractSyntax: sopClassUid, transferSyntaxes: [transferSyntax] }]);
}

/** What it was stored as (the UID of the dataset is the one that counts), or null. The answers of a program that has failed itself are faults. */
async function post({ http, token }: FuzzTarget, body: Buffer, contentType: string): Promise<string | null> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': contentType, accept: 'application/dicom+json' };
  const response = await fetch(`${http}/dicomweb/studies`, { method: 'POST', headers, body: new Uint8Array(body) });
  const answer = await response.text();
  if (response.status >= 500) throw new Error(`answered ${response.status}`);
  if (response.status !== 200) return null;
  const { [REFERENCED_SOP_SEQUENCE]: stored } = JSON.parse(answer) as Record<string, { Value: Record<string, { Value: string[] }>[] }>;
  return stored?.Value[0]?.[REFERENCED_SOP_INSTANCE_UID]?.Value[0] ?? '';
}

const REFERENCED_SOP_SEQUENCE = '00081199';
const REFERENCED_SOP_INSTANCE_UID = '00081155';

/** Something came, or the other side has ended, or it waits for more: then nothing comes for a while. */
async function heard({ socket }: DicomSender): Promise<void> {
  await new Promise<void>((resolve) => {
    const limit = setTimeout(resolve, 200);
    for (const event of ['data', 'end', 'close'])
      socket.once(event, () => {
        clearTimeout(limit);
        resolve();
      });
  });
}
