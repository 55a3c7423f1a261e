// What there is to ask: tracepoints of the processes that are connected, and what each exports.

import { COLUMNS_MAX, isCode, isPattern, matchesTracepoint, placeOf } from '#advice'

/** A place where advice can run, and what it exports; a name ending in `*` stands for all that begin so. */
export type Vocabulary = readonly Known[]

type Known = {
  readonly name: string
  readonly vars: readonly string[]
  /** Of a function: first and last. */
  readonly lines?: readonly [number, number]
  /** Names of the texts that its module has in the processes that are connected. */
  readonly sources?: readonly string[]
}

/** Every tracepoint exports these. */
export const DEFAULT_VARS = ['host', 'time', 'procName', 'procId', 'service', 'tracepoint', 'tenant'] as const

/** What a function exports beside its parameters where it ends. */
const EXIT_VARS: Readonly<Record<string, readonly string[]>> = {
  return: ['return', 'durationMs'],
  throw: ['error', 'durationMs'],
  exit: ['return', 'error', 'durationMs'],
}

/** A function is in the vocabulary once, whatever place of it is asked for. */
export function fitting(vocabulary: Vocabulary, wanted: string): Vocabulary {
  const { of } = placeOf(wanted)
  const line = lineOf(wanted)
  return vocabulary.filter(
    ({ name, lines }) =>
      fits(isCode(of) ? of : wanted, name) &&
      (line === undefined || lines === undefined || (line >= lines[0] && line <= lines[1])),
  )
}

/** The line that is asked for; undefined for every other place. */
export function lineOf(wanted: string): number | undefined {
  const { place } = placeOf(wanted)
  return /^\d+$/.test(place) ? Number(place) : undefined
}

/** Of the lines among these tracepoints: the texts that are known there. What nobody has is left out. */
export function sourcesOf(
  vocabulary: Vocabulary,
  tracepoints: readonly string[],
): Readonly<Record<string, readonly string[]>> {
  const lines = tracepoints.filter((name) => lineOf(name) !== undefined)
  const known = lines.map((name): [string, string[]] => [
    name,
    [...new Set(fitting(vocabulary, name).flatMap(({ sources = [] }) => sources))].slice(0, COLUMNS_MAX),
  ])
  return Object.fromEntries(known.filter(([, sources]) => sources.length > 0))
}

/** Beside DEFAULT_VARS; at a line there are those that stand there, too. */
export function varsAt(vocabulary: Vocabulary, wanted: string): readonly string[] {
  const { of, place } = placeOf(wanted)
  const exit = isCode(of) ? (EXIT_VARS[place] ?? []) : []
  return [...fitting(vocabulary, wanted).flatMap(({ vars }) => vars), ...exit]
}

/** Either side may be a pattern: a name asked for, or a family that a process exports. */
export function fits(wanted: string, known: string): boolean {
  return isPattern(known) ? matchesTracepoint(known, wanted) : matchesTracepoint(wanted, known)
}
