import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { findDataDirectory, type Loaded, loadConfig, type Where } from '../../../src/config/load.ts';
import { faultText } from '../../../src/config/source.ts';
import { surroundings } from '../../../src/config/surroundings-store.ts';
import { testAuthority } from '../../support/certificates.ts';

const PUBLIC_KEY = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' });
const PRIVATE_KEY = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });

/** The real specialties, and a configuration that stands only here. */
function where(files: Record<string, string>, env: Record<string, string> = {}): Where {
  const { specialtiesDirectory, list, readText } = surroundings();
  return {
    env,
    cwd: '/srv/gateway',
    uid: 1000,
    specialtiesDirectory,
    list,
    othersReach: () => true,
    readText: (path) => {
      if (path.startsWith(specialtiesDirectory)) return readText(path);
      const text = files[path];
      if (text === undefined) throw Object.assign(new Error(path), { code: 'ENOENT' });
      return text;
    },
  };
}

function faultsOf(yaml: string, env: Record<string, string> = {}): string[] {
  const result = loadConfig(where({ '/srv/gateway/waystation.yaml': yaml }, env));
  return 'faults' in result ? result.faults.map(faultText) : [];
}

function loaded(yaml: string, env: Record<string, string> = {}, files: Record<string, string> = {}): Loaded {
  const result = loadConfig(where({ '/srv/gateway/waystation.yaml': yaml, ...files }, env));
  if ('faults' in result) throw new Error(result.faults.map(faultText).join('\n'));
  return result;
}

describe('where the data are', () => {
  const at = (yaml: string, env: Record<string, string> = {}) => findDataDirectory(where({ '/srv/gateway/waystation.yaml': yaml }, env));

  it('is found without the secrets that only the gateway has', () => {
    expect(at('data: home\ndatabase: { env: NOT_SET_HERE }\n')).toBe('/srv/gateway/home');
  });

  it('is what a start would take: the environment before the file, the file before the default', () => {
    expect(at('data: home\n', { WAYSTATION_DATA: '/elsewhere' })).toBe('/elsewhere');
    expect(at('{}')).toBe('/srv/gateway/data');
  });

  it('is not guessed from what is no YAML', () => {
    expect(at('data: [')).toBe('');
  });
});

describe('without a file', () => {
  it('all doors are on loopback, unknown senders are taken, one group reads', () => {
    const result = loadConfig(where({}));
    if ('faults' in result) throw new Error('faulty');
    const { config } = result;
    expect([config.mllp[0]?.host, config.dimse.host, config.http.host]).toEqual(['127.0.0.1', '127.0.0.1', '127.0.0.1']);
    expect([config.mllp[0]?.port, config.dimse.port, config.http.port]).toEqual([2575, 11112, 8080]);
    expect(config.unknownPeers).toBe('accept');
    expect(config.destinations).toEqual([{ kind: 'pull', name: 'readers', group: 'readers' }]);
    expect(config.routes).toEqual([{ when: {}, to: 'readers' }]);
    expect(result.file).toBe('');
    expect(result.warnings).toEqual([]);
  });

  it('every specialty of profiles/ is there, and radiology is the default', () => {
    const { config } = loaded('');
    expect(config.specialties.map(({ name }) => name)).toEqual([
      'ophthalmology',
      'pathology',
      'physiotherapy',
      'teledermatology',
      'teleradiology',
    ]);
    expect(config.defaultSpecialty).toBe('teleradiology');
    expect(config.specialties.at(-1)?.whole).toEqual({ instances: 1, media: 0, forms: 0, quietMs: 60_000, limitMs: 14_400_000 });
  });

  it('pages of other origins read nothing, but for those that are named', () => {
    expect(loaded('').config.http.corsOrigins).toEqual([]);
    const yaml = 'http: { cors: { origins: ["https://viewer.example", "http://127.0.0.1:3000"] } }';
    expect(loaded(yaml).config.http.corsOrigins).toEqual(['https://viewer.example', 'http://127.0.0.1:3000']);
  });

  it('a file that is named but absent is a fault', () => {
    const result = loadConfig({ ...where({}), file: 'other.yaml' });
    expect('faults' in result && result.faults.map(faultText)).toEqual(['/srv/gateway/other.yaml cannot be read (ENOENT)']);
  });
});

describe('where things are', () => {
  it('the environment comes before the file, and the file before the default', () => {
    const yaml = 'data: ./here\ndatabase: { env: DB }\n';
    expect(loaded(yaml, { DB: 'postgres://a/b' }).config).toMatchObject({
      dataDirectory: '/srv/gateway/here',
      databaseUrl: 'postgres://a/b',
    });
    const env = { DB: 'postgres://a/b', DATABASE_URL: 'postgres://c/d', WAYSTATION_DATA: '/mnt/x' };
    expect(loaded(yaml, env).config).toMatchObject({ dataDirectory: '/mnt/x', databaseUrl: 'postgres://c/d' });
    expect(loaded('').config).toMatchObject({ dataDirectory: '/srv/gateway/data', databaseUrl: '' });
  });

  it('root keeps its data where the user of the database can reach it', () => {
    const root = { ...where({}), uid: 0, othersReach: () => false };
    const result = loadConfig(root);
    expect('config' in result && result.config.dataDirectory).toBe('/var/lib/waystation');
    const reached = loadConfig({ ...root, othersReach: () => true });
    expect('config' in reached && reached.config.dataDirectory).toBe('/srv/gateway/data');
  });

  it('relative paths in a file start at the file', () => {
    const files = { '/etc/waystation/main.yaml': 'data: ../x\ndatabase: { file: db.url }\n', '/etc/waystation/db.url': 'postgres://a/b\n' };
    const result = loadConfig({ ...where(files), file: '/etc/waystation/main.yaml' });
    expect('config' in result && result.config).toMatchObject({ dataDirectory: '/etc/x', databaseUrl: 'postgres://a/b' });
  });
});

describe('what a receiver of HL7 v2 is told', () => {
  const receiver = (more: string) => `destinations: [{ name: r, kind: mllp, host: h, port: 1${more} }]`;
  const told = (more: string) => loaded(receiver(more)).config.destinations.find(({ kind }) => kind === 'mllp');

  it('is results in one OBX of text, no replies and no progress, unless it asks for more', () => {
    expect(told('')).toMatchObject({ version: '2.5.1', report: 'oru', text: 'whole', orderReplies: false, orderStatus: 'none' });
    expect(told(", version: '2.8', report: mdm, text: lines, replies: true, status: osu")).toMatchObject({
      version: '2.8',
      report: 'mdm',
      text: 'lines',
      orderReplies: true,
      orderStatus: 'osu',
    });
  });

  it.each([
    [", version: '2.9'", 'version: must be 2.3, 2.3.1'],
    [', report: pdf', 'report: must be oru or mdm'],
    [', text: pages', 'text: must be whole, lines or sections'],
    [', replies: often', 'replies: must be true or false'],
    [', status: adt', 'status: must be none, osu or orm'],
  ])('%s is a fault', (more, expected) => {
    expect(faultsOf(receiver(more))).toEqual([expect.stringContaining(`destinations[0].${expected}`)]);
  });
});

describe('how long a sender is kept waiting', () => {
  const peer = (reply: string) => `peers: [{ name: ris, mllp: { application: RIS }${reply} }]\n`;

  it('is not at all, or as long as its peer says', () => {
    expect(loaded(peer('')).config.peers[0]?.replyWaitMs).toBeUndefined();
    expect(loaded(peer(', reply: { wait: 5s }')).config.peers[0]?.replyWaitMs).toBe(5_000);
    expect(faultsOf(peer(', reply: { wait: 1h }'))).toEqual([
      'waystation.yaml:1:65 peers[0].reply.wait: must be a duration from 100ms to 5m, such as 30s',
    ]);
  });
});

describe('a PACS', () => {
  const pacs = (more = '') => `destinations: [{ name: pacs, kind: dimse, host: h, port: 104, aeTitle: PACS${more} }]`;

  it('lets nobody search what the readers of a destination with deidentify shall not know', () => {
    const searching = 'peers: [{ name: a, dimse: { aeTitle: A, query: { group: g } } }]\n';
    const destination = (more: string) =>
      `${searching}destinations: [{ kind: dimse, name: pacs, host: h, port: 104, aeTitle: PACS, group: g${more} }]`;
    const fault = 'peers[0].dimse.query.group: is of a destination with deidentify, whose readers shall not know';
    expect(faultsOf(destination(', deidentify: {}')).some((one) => one.includes(fault))).toBe(true);
    expect(faultsOf(destination('')).some((one) => one.includes(fault))).toBe(false);
  });

  it('takes back what was de-identified from whom it names, if that is known by more than its AE title and does not search here', () => {
    const from = (peer: string, named = 'back') =>
      `dimse: { host: 0.0.0.0, tls: { certificate: { file: c }, key: { file: k }, ca: { file: c } } }\npeers: [${peer}]\n${pacs(`, deidentify: { returnedBy: ${named} }`)}`;
    const at = 'destinations[0].deidentify.returnedBy: ';
    const faulty = (text: string, fault: string) => expect(faultsOf(text).some((one) => one.includes(fault))).toBe(true);
    faulty(from('{ name: back, dimse: { aeTitle: B } }'), `${at}is 'back', which is known by its AE title alone`);
    faulty(from('{ name: back, dimse: { aeTitle: B, address: 192.0.2.1, worklist: true } }'), `${at}is 'back', which may search here`);
    faulty(from('{ name: other, http: { client: o } }', '[other, bakc]'), `destinations[0].deidentify.returnedBy[1]: is 'bakc'`);
    const peer = '{ name: back, dimse: { aeTitle: B, address: 192.0.2.1 } }';
    expect(faultsOf(from(peer)).filter((one) => one.includes('returnedBy'))).toEqual([]);
    const here = `peers: [{ name: back, http: { client: b } }, { name: other, http: { client: o } }]\n${pacs(', deidentify: { returnedBy: [back] }')}`;
    expect(loaded(here).config.peers.map(({ reidentifies }) => reidentifies)).toEqual([['pacs'], undefined]);
  });

  it('lets no results return to a destination with deidentify', () => {
    const peers = 'peers: [{ name: a, mllp: { application: A }, returns: [pacs] }]\n';
    const fault = 'peers[0].returns[0]: is a destination with deidentify, which takes no results';
    expect(faultsOf(`${peers}${pacs(', deidentify: {}')}`).some((one) => one.includes(fault))).toBe(true);
    expect(faultsOf(`${peers}${pacs()}`).some((one) => one.includes(fault))).toBe(false);
  });

  it('takes no results only where it is told of studies', () => {
    const fault = expect.stringContaining('destinations[0].results: must not be empty without availability');
    expect(faultsOf(pacs(', results: []'))).toContainEqual(fault);
    expect(loaded(pacs(', results: [], availability: true')).config.destinations[0]).toMatchObject({ results: [], availability: true });
  });

  it.each(['coerce: { patientIdPrefix: N- }', 'commitment: { limit: 1h }', 'availability: true'])(
    'lets nothing that names the patient or his objects stand beside deidentify: %s',
    (other) => {
      const key = other.split(':')[0];
      expect(faultsOf(pacs(`, deidentify: {}, ${other}`))).toContainEqual(
        expect.stringContaining(`destinations[0].${key}: cannot stand beside deidentify`),
      );
      expect(faultsOf(pacs(', deidentify: { retain: [dates, modifiedDates] }'))).toContainEqual(
        expect.stringContaining('one of them holds'),
      );
    },
  );

  it('is asked for commitment where it says so, and is the archive that a modality waits for', () => {
    expect(loaded(pacs()).config.destinations[0]).not.toHaveProperty('commitment');
    const asked = pacs(', commitment: {}');
    expect(loaded(asked).config.destinations[0]).toMatchObject({ commitment: { limitMs: 86_400_000 } });
    const ct = (archive: string) => `\npeers: [{ name: ct, dimse: { aeTitle: CT1, commitment: { host: h, port: 1${archive} } } }]`;
    expect(loaded(asked + ct('')).config.peers[0]?.commitment).toEqual({ host: 'h', port: 1 });
    expect(loaded(asked + ct(', archive: pacs, limit: 2h')).config.peers[0]?.commitment).toEqual({
      ...{ host: 'h', port: 1 },
      archive: { name: 'pacs', limitMs: 7_200_000 },
    });
    expect(loaded(asked + ct(', tls: {}')).config.peers[0]?.commitment).toMatchObject({ tls: { ca: '', cert: '' } });
    expect(() => loaded(pacs() + ct(', archive: pacs'))).toThrow('there is no such destination of kind dimse with commitment');
  });

  it('is called by our own name, over one association, plain, unless it says otherwise', () => {
    const [dimse] = loaded(`dimse: { aeTitle: GATEWAY }\n${pacs()}`).config.destinations;
    expect(dimse).toMatchObject({
      aeTitle: 'PACS',
      callingAeTitle: 'GATEWAY',
      transcode: 'never',
      associations: 1,
      tls: null,
      group: '',
      timeoutMs: 60_000,
      idleMs: 5_000,
    });
    const web =
      'destinations: [{ name: web, kind: dicomweb, url: "https://pacs.example/dicom-web/", token: { env: T }, tls: {}, group: g }]';
    expect(loaded(web, { T: 'secret' }).config.destinations).toMatchObject([
      {
        kind: 'dicomweb',
        url: 'https://pacs.example/dicom-web',
        token: 'secret',
        group: 'g',
        tls: { ca: '' },
        retry: { onFailure: 'setAside' },
      },
    ]);
  });

  it('takes results, as a document and a structured report unless it says otherwise, each once', () => {
    const peer = 'peers: [{ name: a, dimse: { aeTitle: A }, returns: [pacs] }]';
    expect(loaded(`${peer}\n${pacs()}`).config.destinations[0]).toMatchObject({
      results: ['pdf', 'sr'],
      srClass: 'basic',
      rejection: 'none',
    });
    const [changed] = loaded(pacs(', results: [kos, pdf, kos], srClass: comprehensive, rejection: quality')).config.destinations;
    expect(changed).toMatchObject({ results: ['kos', 'pdf'], srClass: 'comprehensive', rejection: 'quality' });
  });

  it('takes cases where it names who reports on them; an archive does not', () => {
    const { destinations, routes } = loaded(pacs()).config;
    expect(destinations.map(({ name }) => name)).toEqual(['pacs', 'readers']);
    expect(routes).toEqual([{ when: {}, to: 'readers' }]);
    expect(loaded(pacs(', group: radiologists')).config.routes).toEqual([{ when: {}, to: 'pacs' }]);
  });

  it.each([
    [
      `${pacs()}\nroutes: [{ to: pacs }]`,
      "routes[0].to: is 'pacs', for whose cases no report could come: name the readers who send it, in its group",
    ],
    [pacs(', results: []'), 'destinations[0].results: must not be empty'],
    [pacs(', results: [doc]'), 'destinations[0].results[0]: must be pdf, sr, measurements or kos'],
    [pacs(', rejection: yes'), 'destinations[0].rejection: must be'],
    [pacs(', callingAeTitle: ABCDEFGHIJKLMNOPQ'), 'destinations[0].callingAeTitle: must be an AE title'],
    [pacs(', transcode: jpeg'), 'destinations[0].transcode: must be never, uncompressed or decompressed'],
    [pacs(', associations: 0'), 'destinations[0].associations: must be a whole number from 1 to 4'],
    ['destinations: [{ name: w, kind: dicomweb, url: "ftp://x" }]', 'destinations[0].url: must be a URL with http or https'],
    ['destinations: [{ name: w, kind: email }]', 'destinations[0].kind: must be mllp, fhir, pull, dimse or dicomweb'],
  ])('%s is a fault', (yaml, expected) => expect(faultsOf(yaml)).toEqual([expect.stringContaining(expected)]));
});

describe('faults', () => {
  it('come all at once, each with file, line, column and path, in the order of the file', () => {
    const yaml = [
      'mllp: { port: 70000 }',
      'dimse:',
      '  aeTitel: X',
      'destinations:',
      '  - { name: ris, kind: mllp, host: ris.example }',
      'peers:',
      '  - { name: ris, mllp: { application: RIS }, returns: [rsi] }',
    ].join('\n');
    expect(faultsOf(yaml)).toEqual([
      'waystation.yaml:1:15 mllp.port: must be a whole number from 0 to 65535',
      "waystation.yaml:3:3 dimse.aeTitel: is not a known key; did you mean 'aeTitle'?",
      'waystation.yaml:5:5 destinations[0].port: is missing: must be a whole number from 1 to 65535',
      "waystation.yaml:7:56 peers[0].returns[0]: is 'rsi', but there is no such destination; did you mean 'ris'?",
    ]);
  });

  it('text that is not YAML is told with its place', () => {
    expect(faultsOf('mllp: { port: 1\nhttp:')[0]).toMatch(/^waystation\.yaml:\d+:\d+ is not YAML: /);
  });

  it('an alias bomb is refused', () => {
    const bomb = ['a: &a [x,x,x,x,x,x,x,x,x,x]', 'b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]', 'c: [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]'].join('\n');
    expect(faultsOf(bomb)).toEqual(['waystation.yaml:1:1 writes out too many aliases']);
  });

  it.each([
    ['two doors with one port', 'http: { port: 2575 }', 'http.port: must not be 2575, which is the port of mllp'],
    ['a bare number as a duration', 'mllp: { idle: 30 }', 'mllp.idle: must be a duration from 1s to 7d, such as 30s'],
    [
      'an origin for all',
      'http: { cors: { origins: ["*"] } }',
      'http.cors.origins[0]: must be an origin such as https://viewer.example, without a path',
    ],
    [
      'an origin with a path',
      'http: { cors: { origins: ["https://viewer.example/ohif"] } }',
      'http.cors.origins[0]: must be an origin such as https://viewer.example, without a path',
    ],
    ['a size without a unit', 'http: { maxBody: "64" }', 'http.maxBody: must be a size from 64KiB to 256MiB, such as 64MiB'],
    ['an AE title that is too long', 'dimse: { aeTitle: ABCDEFGHIJKLMNOPQ }', 'dimse.aeTitle: must be an AE title'],
    [
      'a specialty that does not exist',
      'defaultSpecialty: teleradiolgy',
      "defaultSpecialty: is 'teleradiolgy', but there is no such specialty; did you mean",
    ],
    [
      'a change to a specialty that does not exist',
      'specialties: { cardiology: { quiet: 1s } }',
      'specialties.cardiology: is not a specialty',
    ],
    [
      'a route to a receiver of answers',
      'destinations: [{ name: r, kind: mllp, host: h, port: 1 }]\nroutes: [{ to: r }]',
      "routes[0].to: is 'r' of kind mllp",
    ],
    ['a peer that nothing recognises', 'peers: [{ name: a }]', 'peers[0]: does not say how it is recognised'],
    [
      'two peers with one AE title',
      'peers: [{ name: a, dimse: { aeTitle: CT } }, { name: b, dimse: { aeTitle: CT } }]',
      'peers[1].dimse: recognises the same senders as peers[0]',
    ],
    [
      'two peers that fit one sender equally',
      'peers: [{ name: a, mllp: { application: X } }, { name: b, mllp: { facility: Y } }]',
      'peers[1].mllp: recognises the same',
    ],
    [
      'two peers of one name',
      'peers: [{ name: a, dimse: { aeTitle: A } }, { name: a, dimse: { aeTitle: B } }]',
      "peers[1].name: is taken: peers[0] is named 'a' too",
    ],
    [
      'a destination named as the built-in group',
      'destinations: [{ name: readers, kind: mllp, host: h, port: 1 }]',
      'destinations[0].name: is taken: the group that comes',
    ],
    [
      'several takers of cases and no rule',
      'destinations: [{ name: a, kind: pull, group: a }, { name: b, kind: pull, group: b }]',
      'routes: is missing: a and b could each take a case',
    ],
    [
      'a peer that may query from elsewhere by its AE title alone',
      'dimse: { host: 0.0.0.0 }\npeers: [{ name: a, dimse: { aeTitle: A, query: { group: readers } } }]',
      'peers[0].dimse.query: is for a peer that is known by its certificate',
    ],
    [
      'a peer that may query for a group that there is not',
      'peers: [{ name: a, dimse: { aeTitle: A, query: { group: reader } } }]',
      "peers[0].dimse.query.group: is 'reader', but there is no such group of a destination; did you mean 'readers'?",
    ],
    [
      'a peer that may move to what takes no C-STORE',
      'peers: [{ name: a, dimse: { aeTitle: A, query: { group: readers, moveTo: [readers] } } }]',
      "peers[0].dimse.query.moveTo[0]: is 'readers' of kind pull, which takes no C-STORE",
    ],
    [
      'a peer that may read the worklist from elsewhere by its AE title alone',
      'dimse: { host: 0.0.0.0 }\npeers: [{ name: a, dimse: { aeTitle: A, worklist: true } }]',
      'peers[0].dimse.worklist: is for a peer that is known by more than its AE title',
    ],
    [
      'a message named as nobody names it',
      'peers: [{ name: a, dimse: { aeTitle: A }, messages: { ORM: mapped } }]',
      'must name messages as ORM^O01 or ADT^*',
    ],
  ])('%s', (_, yaml, expected) => {
    const faults = faultsOf(yaml);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(expected);
  });

  it.each([
    [
      'two listeners with one port',
      'mllp: [{ port: 1 }, { name: b, port: 1 }]',
      'mllp[1].port: must not be 1, which is the port of mllp[0]',
    ],
    ['two listeners of one name', 'mllp: [{ port: 1 }, { port: 2 }]', "mllp[1].name: is taken: mllp[0] is named 'mllp' too"],
    ['no listener', 'mllp: []', 'mllp: must not be empty'],
    ['a misspelt key of a listener', 'mllp: [{ prot: 1 }]', "waystation.yaml:1:10 mllp[0].prot: is not a known key; did you mean 'port'?"],
    [
      'a peer of a listener that is not there',
      'peers: [{ name: a, mllp: { listener: extern } }]',
      "peers[0].mllp.listener: is 'extern', but there is no such MLLP listener",
    ],
    [
      'a peer of no address',
      'peers: [{ name: a, mllp: { address: ris.example } }]',
      'peers[0].mllp.address: must be an address or a network',
    ],
  ])('%s', (_, yaml, expected) => {
    const faults = faultsOf(yaml);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(expected);
  });

  it('a peer that names application and facility may stand beside one that names only the application', () => {
    expect(faultsOf('peers: [{ name: a, mllp: { application: X } }, { name: b, mllp: { application: X, facility: Y } }]')).toEqual([]);
  });

  it('a wrong level of logging in the environment is a fault', () => {
    expect(faultsOf('', { WAYSTATION_LOG_LEVEL: 'verbose' })).toEqual([
      'environment WAYSTATION_LOG_LEVEL: must be info, warn, error, silent',
    ]);
  });
});

describe('secrets', () => {
  const fhir = (token: string) => `destinations: [{ name: f, kind: fhir, url: 'https://f.example/fhir/', token: ${token} }]`;

  it('come from the environment or a file', () => {
    expect(loaded(fhir('{ env: T }'), { T: 'abc' }).config.destinations[0]).toMatchObject({ token: 'abc', url: 'https://f.example/fhir' });
    expect(loaded(fhir('{ file: t }'), {}, { '/srv/gateway/t': 'abc\n' }).config.destinations[0]).toMatchObject({ token: 'abc' });
  });

  it('are refused in the file, and not repeated in the fault', () => {
    const [fault, ...others] = faultsOf(fhir('hunter2'));
    expect(others).toEqual([]);
    expect(fault).toContain('must be { env: NAME } or { file: path }');
    expect(fault).not.toContain('hunter2');
  });

  it('that cannot be read are faults', () => {
    expect(faultsOf(fhir('{ env: T }'))[0]).toContain('is to come from T, which is not set in the environment');
    expect(faultsOf(fhir('{ env: T }'), { T: ' ' })[0]).toContain('is empty there');
    expect(faultsOf(fhir('{ file: t }'))[0]).toContain('is to come from t, which cannot be read (ENOENT)');
  });
});

describe('TLS', () => {
  const authority = testAuthority();
  const [one, two] = [authority.issue('one'), authority.issue('two')];
  const env = { KEY: one.key, CERT: one.cert, OTHER: two.key, CA: authority.ca };
  const door = (tls: string) => `mllp: { host: 0.0.0.0, tls: ${tls} }`;

  it('of a door asks for certificates where authorities are named, and then needs no warning', () => {
    const { config, warnings } = loaded(door('{ key: { env: KEY }, cert: { env: CERT }, ca: { env: CA } }'), env);
    expect(config.mllp[0]?.tls).toEqual({ key: one.key.trim(), cert: one.cert.trim(), ca: authority.ca.trim(), clients: 'required' });
    expect(warnings).toEqual([]);
    expect(loaded(door('{ key: { env: KEY }, cert: { env: CERT } }'), env).config.mllp[0]?.tls?.clients).toBe('none');
  });

  it('of a call may be empty', () => {
    const { config } = loaded('destinations: [{ name: r, kind: mllp, host: h, port: 1, tls: {} }]');
    expect(config.destinations.find(({ kind }) => kind === 'mllp')).toMatchObject({ tls: { ca: '', key: '', cert: '', serverName: '' } });
  });

  it.each([
    ['{ key: { env: OTHER }, cert: { env: CERT } }', 'mllp.tls: key is not the one of the first certificate in cert'],
    ['{ key: { env: CERT }, cert: { env: CERT } }', 'mllp.tls: key holds no private key in PEM'],
    ['{ key: { env: KEY }, cert: { env: KEY } }', 'mllp.tls: cert holds no certificates in PEM'],
    ['{ key: { env: KEY }, cert: { env: CERT }, ca: { env: KEY } }', 'mllp.tls: ca holds no certificates in PEM'],
    ['{ key: { env: KEY }, cert: { env: CERT }, clients: required }', 'mllp.tls: must name in ca the authorities'],
    ['{ key: { file: absent.pem }, cert: { env: CERT } }', 'mllp.tls.key: is to come from absent.pem, which cannot be read'],
  ])('%s is a fault, told without the key', (tls, expected) => {
    const faults = faultsOf(door(tls), env);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(expected);
    expect(faults[0]).not.toContain('PRIVATE KEY');
  });
});

describe('signers', () => {
  const signer = (jwk: unknown) => `signers: [{ name: Dr, identifier: { system: s, value: v }, jwk: ${JSON.stringify(jwk)} }]`;

  it('a public key is taken, inline or from a file', () => {
    expect(loaded(signer(PUBLIC_KEY)).config.signers[0]?.jwk).toEqual(PUBLIC_KEY);
    expect(loaded(signer({ file: 'k.json' }), {}, { '/srv/gateway/k.json': JSON.stringify(PUBLIC_KEY) }).config.signers[0]?.jwk).toEqual(
      PUBLIC_KEY,
    );
  });

  it('a private key is refused', () => {
    expect(faultsOf(signer(PRIVATE_KEY))[0]).toContain('holds a private key');
  });

  it('a shared secret, a point off the curve, a curve of another kind and a short RSA key are refused', () => {
    const short = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' });
    const secp256k1 = generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey.export({ format: 'jwk' });
    for (const jwk of [{ kty: 'oct', k: 'AAAA' }, { ...PUBLIC_KEY, x: PUBLIC_KEY.y, y: PUBLIC_KEY.y }, secp256k1, short]) {
      expect(faultsOf(signer(jwk))).toHaveLength(1);
    }
  });
});

describe('doors open to other machines', () => {
  it('warn that there is no TLS, and refuse unknown senders unless told otherwise', () => {
    const { config, warnings } = loaded('mllp: { host: 0.0.0.0 }');
    expect(config.unknownPeers).toBe('refuse');
    expect(warnings.map(faultText)[0]).toMatch(/^waystation\.yaml:1:15 mllp\.host: 0\.0\.0\.0 is reached from other machines/);
    expect(loaded('mllp: { host: 0.0.0.0 }\nunknownPeers: accept').config.unknownPeers).toBe('accept');
  });
});

describe('calls to other machines', () => {
  it('warn that there is no TLS, with their place and without what a URL holds beside the host', () => {
    const of = (destination: string) => loaded(`destinations: [{ name: d, group: g, ${destination} }]`).warnings.map(faultText);
    const other = 'is another machine, and is called without TLS';
    const reports = (tls: string) =>
      loaded(`peers: [{ name: ct, dimse: { aeTitle: CT1, commitment: { host: 10.0.0.1, port: 1${tls} } } }]`).warnings;
    expect(reports('').map(faultText)).toContainEqual(expect.stringContaining(`peers[0].dimse.commitment.host: 10.0.0.1 ${other}`));
    expect(reports(', tls: {}').map(faultText)).not.toContainEqual(expect.stringContaining(other));
    expect(of('kind: dimse, host: pacs.example, port: 104, aeTitle: P')).toEqual([
      expect.stringMatching(new RegExp(`^waystation\\.yaml:1:\\d+ destinations\\[0\\]\\.host: pacs\\.example ${other}`)),
    ]);
    expect(of('kind: dicomweb, url: "http://user:secret@192.0.2.7/dicom"')).toEqual([expect.stringContaining(`url: 192.0.2.7 ${other}`)]);
    for (const quiet of [
      'kind: dimse, host: pacs.example, port: 104, aeTitle: P, tls: {}',
      'kind: dimse, host: localhost, port: 104, aeTitle: P',
      'kind: dicomweb, url: "https://pacs.example"',
      'kind: dicomweb, url: "http://[::1]:8042"',
    ])
      expect([quiet, of(quiet)]).toEqual([quiet, []]);
    const plain = 'destinations: [{ name: r, kind: mllp, host: h, port: 1 }, { name: f, kind: fhir, url: "http://h" }]';
    expect(loaded(plain).warnings).toHaveLength(2);
  });
});

describe('a door on every address', () => {
  it('warns while nothing says how others reach it', () => {
    const texts = (yaml: string) => loaded(yaml).warnings.map(faultText);
    expect(texts('http: { host: 0.0.0.0 }')).toHaveLength(2);
    expect(texts('http: { host: 0.0.0.0 }')[1]).toContain('say in http.publicUrl how they reach this gateway');
    expect(texts('http: { host: 0.0.0.0, publicUrl: "https://gateway.example" }')).toHaveLength(1);
  });
});

describe('specialties', () => {
  it('are changed by name', () => {
    const { config } = loaded('specialties: { teleradiology: { quiet: 1s, releaseAtOnce: [stat, asap] } }');
    expect(config.specialties.at(-1)).toMatchObject({
      name: 'teleradiology',
      whole: { instances: 1, quietMs: 1_000, limitMs: 14_400_000 },
      releaseAtOnce: ['stat', 'asap'],
    });
  });

  it('have priors from a PACS whose patient numbers are known', () => {
    const pacs =
      'destinations: [{ kind: dimse, name: pacs, host: h, port: 104, aeTitle: PACS }, { kind: pull, name: readers, group: readers }]';
    const peer = (words: string) => `\npeers: [{ name: archive, dimse: { aeTitle: PACS }${words} }]`;
    const rule = (words: string) => `\nspecialties: { teleradiology: { priors: { ${words} } } }`;
    expect(loaded(pacs + peer(', patientAuthority: HOSP') + rule('from: pacs')).config.specialties.at(-1)?.priors).toEqual({
      ...{ from: 'pacs', most: 3, years: 5, sameModality: true, waitMs: 0 },
    });
    expect(loaded(pacs).config.specialties.at(-1)).not.toHaveProperty('priors');
    expect(() => loaded(pacs + peer('') + rule('from: pacs'))).toThrow('no peer with its dimse.aeTitle says its patientAuthority');
    expect(() => loaded(pacs + rule('from: readers'))).toThrow("is 'readers' of kind pull, which takes no C-FIND");
    expect(() => loaded(pacs + rule('from: packs'))).toThrow("is 'packs', but there is no such destination; did you mean 'pacs'?");
  });

  it('are checked with the same faults when a profile is wrong', () => {
    const base = where({});
    const broken = { ...base, list: () => ['x.yaml'], readText: () => 'name: y\nwhole: { instanzes: 1 }\n', file: undefined };
    const result = loadConfig({ ...broken, readText: (path) => (path.endsWith('waystation.yaml') ? '' : broken.readText()) });
    const faults = 'faults' in result ? result.faults.map(faultText) : [];
    expect(faults.some((fault) => fault.endsWith("x.yaml:2:10 whole.instanzes: is not a known key; did you mean 'instances'?"))).toBe(true);
    expect(faults.some((fault) => fault.includes('title: is missing'))).toBe(true);
  });
});
