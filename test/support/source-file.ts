/** What a TypeScript file names from elsewhere, read from its syntax tree: no comment and no string can hide or fake an import. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { parseSync } from '@swc/core';

export type Import = {
  /** As written: `../store/database.ts`, `node:fs`, `pg`. */
  readonly specifier: string;
  /** Erased before the program runs. */
  readonly typeOnly: boolean;
  /** Names as the other file exports them. */
  readonly names: readonly string[];
};

export type SourceFile = {
  /** From src, with slashes: `store/database.ts`. */
  readonly path: string;
  readonly imports: readonly Import[];
  /** Members of globals it reads or calls, such as `process.env`, `Date.now`, `Math.random`, and `Date` for `new Date()`. */
  readonly globals: readonly string[];
};

/** Every .ts file under a directory. */
export function readSources(root: string): SourceFile[] {
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'));
  return files.sort().map((file) => readSource(file.replaceAll('\\', '/'), readFileSync(join(root, file), 'utf8')));
}

export function readSource(path: string, text: string): SourceFile {
  const imports: Import[] = [];
  const globals: string[] = [];
  visit(parseSync(text, { syntax: 'typescript', target: 'es2024' }), (node) => {
    const found = importOf(node);
    if (found) imports.push(found);
    const name = globalOf(node);
    if (name) globals.push(name);
  });
  return { path, imports, globals };
}

/** The file a relative import means, from src; null for a package or a builtin. */
export function target(file: SourceFile, specifier: string): string | null {
  return specifier.startsWith('.') ? posix.join(posix.dirname(file.path), specifier) : null;
}

// swc's tree, as far as it is looked at.
type Node = { readonly type: string; readonly [key: string]: unknown };
type Named = { readonly value: string };

function visit(value: unknown, look: (node: Node) => void): void {
  if (typeof value !== 'object' || value === null) return;
  if (typeof (value as Node).type === 'string') look(value as Node);
  for (const part of Object.values(value)) visit(part, look);
}

function importOf(node: Node): Import | null {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportNamedDeclaration':
      return node.source ? declared(node) : null;
    case 'ExportAllDeclaration':
      return { specifier: (node.source as Named).value, typeOnly: false, names: [] };
    case 'TsImportType':
      return { specifier: (node.argument as Named).value, typeOnly: true, names: [] };
    case 'CallExpression':
      return called(node);
    default:
      return null;
  }
}

function declared(node: Node): Import {
  const specifiers = node.specifiers as { isTypeOnly?: boolean; imported?: Named | null; orig?: Named; local?: Named }[];
  const onlyTypes = specifiers.length > 0 && specifiers.every((one) => one.isTypeOnly);
  const names = specifiers.map((one) => (one.imported ?? one.orig ?? one.local)?.value ?? '');
  return { specifier: (node.source as Named).value, typeOnly: node.typeOnly === true || onlyTypes, names };
}

/** `import('…')` and `require('…')`; a specifier that is computed is named so, and fits no rule. */
function called(node: Node): Import | null {
  const callee = node.callee as Node & Named;
  if (callee.type !== 'Import' && !(callee.type === 'Identifier' && callee.value === 'require')) return null;
  const [first] = node.arguments as { expression: Node & Named }[];
  const specifier = first?.expression.type === 'StringLiteral' ? first.expression.value : '(computed)';
  return { specifier, typeOnly: false, names: [] };
}

function globalOf(node: Node): string | null {
  if (node.type === 'NewExpression') {
    const { callee, arguments: given } = node as unknown as { callee: Node & Named; arguments: unknown[] | null };
    return callee.type === 'Identifier' && callee.value === 'Date' && !given?.length ? 'Date' : null;
  }
  if (node.type !== 'MemberExpression') return null;
  const { object, property } = node as unknown as { object: Node & Named; property: Node & Named & { expression?: Named } };
  if (object.type !== 'Identifier') return null;
  return `${object.value}.${property.type === 'Computed' ? property.expression?.value : property.value}`;
}
