// Text for terminals: what strangers sent is made harmless, numbers are made readable, rows are made columns.

import { UsageError, type Io } from './verb.ts'

/**
 * Control characters (ESC, newlines), bidirectional overrides and line separators become one visible mark
 * each.
 */
export function plain(text: string): string {
  return text.replace(
    /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    '\ufffd',
  )
}

const COLOURS = { bold: '1', dim: '2', red: '31', green: '32', yellow: '33', cyan: '36' } as const

export function paint(io: Pick<Io, 'isColoured'>, colour: keyof typeof COLOURS, text: string): string {
  return io.isColoured ? `\u001b[${COLOURS[colour]}m${text}\u001b[0m` : text
}

/** 950 ns, 12.3 us, 4.56 ms, 1.20 s, 2 m 05 s. */
export function duration(ns: bigint | number): string {
  const value = Number(ns)
  if (value < 1e3) return `${value} ns`
  if (value < 1e6) return `${significant(value / 1e3)} us`
  if (value < 1e9) return `${significant(value / 1e6)} ms`
  if (value < 60e9) return `${significant(value / 1e9)} s`
  return `${Math.floor(value / 60e9)} m ${String(Math.floor((value % 60e9) / 1e9)).padStart(2, '0')} s`
}

function significant(value: number): string {
  return value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : value.toFixed(0)
}

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** The other way round. Errors: usage. */
export function durationMs(flag: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|min|h|d)$/.exec(text)
  if (match === null) throw new UsageError(`--${flag} takes a duration like 10s, not '${text}'`)
  return Number(match[1]) * UNIT_MS[match[2]]
}

export function ago(ms: number): string {
  if (ms < 0) return 'in the future'
  if (ms < 1_000) return 'now'
  if (ms < 60_000) return `${Math.floor(ms / 1_000)} s ago`
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ago`
  return ms < 86_400_000 ? `${Math.floor(ms / 3_600_000)} h ago` : `${Math.floor(ms / 86_400_000)} d ago`
}

/** Rows under a head; columns are as wide as their widest cell. Cells are made plain here. */
export function table(
  io: Pick<Io, 'isColoured'>,
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const cells = rows.map((row) => row.map(plain))
  const widths = head.map((name, column) =>
    Math.max(name.length, ...cells.map((row) => row[column]?.length ?? 0)),
  )
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
  return [paint(io, 'dim', line(head)), ...cells.map(line)].map((text) => `${text}\n`).join('')
}

/** Cut to a width with an ellipsis. */
export function clip(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}\u2026`
}
