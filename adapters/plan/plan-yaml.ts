import { isMap, isNode, isPair, isScalar, isSeq, LineCounter, type Node, type ParsedNode, parseDocument } from 'yaml';
import { z } from 'zod';
import type { Plan, PlanFault } from '../../domain/plan.ts';
import { didYouMean } from './nearest-word.ts';
import { planSchema } from './plan-schema.ts';

/** Points at a place of the file: a fault of the value at `path`, or of the nearest parent that is there. */
export type FaultAt = (path: readonly PropertyKey[], message: string) => void;

export interface ParsedPlan {
  /** Null when the schema found faults. */
  readonly plan: Plan | null;
  /** What the YAML says, unchecked: the checks that span several fields read it leniently, so that all faults show at once. */
  readonly raw: unknown;
  readonly faultAt: FaultAt;
}

/** Reads the YAML and holds it against the schema; faults are added to `faults` with line and column. */
export function parsePlan(text: string, file: string, faults: PlanFault[]): ParsedPlan {
  const lines = new LineCounter();
  const document = parseDocument(text.replace(/^\uFEFF/, ''), { lineCounter: lines, prettyErrors: false });
  const report = (offset: number, message: string): void => {
    const { line, col } = lines.linePos(offset);
    faults.push({ file, line: Math.max(line, 1), column: Math.max(col, 1), message });
  };
  const faultAt: FaultAt = (path, message) => report(offsetOf(document.contents, path), message);

  for (const error of [...document.errors, ...document.warnings]) report(error.pos[0], `YAML: ${error.message}`);
  if (document.errors.length > 0) return { plan: null, raw: null, faultAt };

  let raw: unknown;
  try {
    raw = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    report(0, `YAML: ${error instanceof Error ? error.message : 'cannot be read'}`);
    return { plan: null, raw: null, faultAt };
  }
  const result = planSchema.safeParse(raw);
  if (result.success) return { plan: result.data, raw, faultAt };
  for (const issue of result.error.issues) reportIssue(issue, raw, document.contents, faultAt, report);
  return { plan: null, raw, faultAt };
}

function reportIssue(
  issue: z.core.$ZodIssue,
  raw: unknown,
  contents: Node | null,
  faultAt: FaultAt,
  report: (offset: number, message: string) => void,
): void {
  const name = nameOf(issue.path);
  if (issue.code === 'unrecognized_keys') {
    for (const key of issue.keys) {
      const known = keysAt(planSchema, issue.path);
      report(
        keyOffsetOf(contents, issue.path, key),
        `"${key}" is not known${name === '' ? '' : ` in ${name}`}.${didYouMean(key, known)}`,
      );
    }
    return;
  }
  if (valueAt(raw, issue.path) === undefined) {
    // A refinement may point at a field that is missing; it says so itself.
    faultAt(
      issue.path,
      issue.code === 'custom' && issue.message.startsWith('is ') ? `${name} ${issue.message}` : `${name} is missing.`,
    );
    return;
  }
  const message =
    issue.code === 'invalid_type' && issue.path.length === 0 ? 'the plan must be a map of fields' : issue.message;
  faultAt(issue.path, `${name} ${message}`.trim());
}

/** `contacts[0].email` as people write it; indexes count from 1 in words, so paths keep the programmer's form. */
function nameOf(path: readonly PropertyKey[]): string {
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index === 0 ? '' : '.'}${String(part)}`))
    .join('');
}

function valueAt(raw: unknown, path: readonly PropertyKey[]): unknown {
  let value = raw;
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<PropertyKey, unknown>)[part];
  }
  return value;
}

function offsetOf(contents: Node | null, path: readonly PropertyKey[]): number {
  let node: unknown = contents;
  let offset = startOf(node) ?? 0;
  for (const part of path) {
    const next: unknown = isMap(node) || isSeq(node) ? node.get(part, true) : undefined;
    const start = startOf(next);
    if (start === null) {
      // An empty value (`host:`) has no place of its own: point at its key.
      const key = isMap(node) ? keyNode(node, String(part)) : null;
      return startOf(key) ?? offset;
    }
    node = next;
    offset = start;
  }
  return offset;
}

function keyOffsetOf(contents: Node | null, path: readonly PropertyKey[], key: string): number {
  let node: unknown = contents;
  for (const part of path) node = isMap(node) || isSeq(node) ? node.get(part, true) : undefined;
  return (isMap(node) ? startOf(keyNode(node, key)) : null) ?? offsetOf(contents, path);
}

function keyNode(map: { items: readonly unknown[] }, key: string): ParsedNode | null {
  for (const pair of map.items) {
    if (isPair(pair) && isScalar(pair.key) && String(pair.key.value) === key) return pair.key as unknown as ParsedNode;
  }
  return null;
}

function startOf(node: unknown): number | null {
  return isNode(node) && node.range ? node.range[0] : null;
}

/** The field names that the schema knows at a path, for "did you mean". */
function keysAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): string[] {
  const inner = unwrap(schema);
  const [part, ...rest] = path;
  if (inner instanceof z.core.$ZodUnion) return inner._zod.def.options.flatMap((option) => keysAt(option, path));
  if (part === undefined) return inner instanceof z.core.$ZodObject ? Object.keys(inner._zod.def.shape) : [];
  if (inner instanceof z.core.$ZodArray) return keysAt(inner._zod.def.element, rest);
  const field = inner instanceof z.core.$ZodObject ? inner._zod.def.shape[String(part)] : undefined;
  return field === undefined ? [] : keysAt(field, rest);
}

function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.core.$ZodPipe) return unwrap(schema._zod.def.in);
  if (
    schema instanceof z.core.$ZodDefault ||
    schema instanceof z.core.$ZodNullable ||
    schema instanceof z.core.$ZodOptional
  ) {
    return unwrap(schema._zod.def.innerType);
  }
  return schema;
}
