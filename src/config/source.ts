/**
 * One YAML file with its places: what it says, and where each thing stands, so that a fault can name line and column.
 * In: text. Out: plain values, where `key:` and nothing more counts as not given, the faults of YAML itself, and a finder of places.
 */
import { type Document, isMap, isNode, isScalar, LineCounter, type Node, parseDocument } from 'yaml';

/** What is wrong, and where. `line` 0: not a place in a file but the environment. */
export type ConfigFault = {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** `destinations[2].port`; '' for the whole file. */
  readonly path: string;
  readonly message: string;
};

export type Path = readonly (string | number)[];

export type Source = {
  readonly file: string;
  readonly raw: unknown;
  readonly faults: readonly ConfigFault[];
  /** A fault at the value of `path`, or at the nearest thing around it that exists. */
  fault(path: Path, message: string): ConfigFault;
  /** A fault at the key itself. */
  faultAtKey(path: Path, key: string, message: string): ConfigFault;
};

/** Aliases may be written out this often; more is an attack on memory, not a configuration. */
const MAX_ALIASES = 100;

export function parseSource(file: string, text: string): Source {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number, path: Path, message: string): ConfigFault => {
    const { line, col } = lines.linePos(offset);
    return { file, line, column: col, path: pathText(path), message };
  };
  const faults = document.errors.map((error) => at(error.pos[0], [], `is not YAML: ${error.message}`));
  return {
    file,
    raw: faults.length > 0 ? {} : plain(document, faults, at),
    faults,
    fault: (path, message) => at(offsetOf(document, path), path, message),
    faultAtKey: (path, key, message) => at(offsetOfKey(document, path, key), [...path, key], message),
  };
}

/** `waystation.yaml:12:5 destinations[2].port: must be a port`: one line, as compilers say it. */
export function faultText(fault: ConfigFault): string {
  const place = fault.line > 0 ? `${fault.file}:${fault.line}:${fault.column}` : fault.file;
  return fault.path === '' ? `${place} ${fault.message}` : `${place} ${fault.path}: ${fault.message}`;
}

export function pathText(path: Path): string {
  return path.map((step, index) => (typeof step === 'number' ? `[${step}]` : index === 0 ? step : `.${step}`)).join('');
}

function plain(document: Document, faults: ConfigFault[], at: (offset: number, path: Path, message: string) => ConfigFault): unknown {
  try {
    return withoutEmpty(document.toJS({ maxAliasCount: MAX_ALIASES })) ?? {};
  } catch {
    faults.push(at(0, [], 'writes out too many aliases'));
    return {};
  }
}

function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmpty);
  if (value === null) return undefined;
  if (typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutEmpty(inner)]));
}

function offsetOf(document: Document, path: Path): number {
  for (let depth = path.length; depth > 0; depth--) {
    const node = document.getIn(path.slice(0, depth), true);
    if (isNode(node)) return start(node);
  }
  return start(document.contents);
}

function offsetOfKey(document: Document, path: Path, key: string): number {
  const parent = path.length === 0 ? document.contents : document.getIn(path, true);
  const pair = isMap(parent) ? parent.items.find((item) => isScalar(item.key) && String(item.key.value) === key) : undefined;
  return isNode(pair?.key) ? start(pair.key) : offsetOf(document, path);
}

function start(node: Node | null): number {
  return node?.range?.[0] ?? 0;
}
