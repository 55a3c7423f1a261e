// `bench [name]`: runs bench/NAME.bench.ts of the clone and prints one line a metric.

import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { nearest } from '#base'
import { findInstall } from '../install.ts'
import { table } from '../text.ts'
import { CliError, UsageError, type Verb } from '../verb.ts'

type Row = {
  readonly bench: string
  readonly metric: string
  readonly subject: string
  readonly value: number
  readonly unit: string
  readonly peer: string | null
  readonly peerValue: number | null
  readonly ratio: number | null
  readonly runs: number
  readonly spread: readonly [number, number]
}

export const bench: Verb = {
  name: 'bench',
  summary: 'measure side by side with named peers (in the clone)',
  usage: '[name]',
  words: [0, 1],
  flags: { json: { says: 'one line a metric' } },
  examples: ['crosscut bench', 'crosscut bench baggage --json'],
  run: async (io, args) => {
    const folder = path.join(findInstall().root, 'bench')
    if (!existsSync(folder))
      throw new CliError('E_NO_BENCH', 'benches are part of the clone, not of the package')
    const names = readdirSync(folder)
      .filter((name) => name.endsWith('.bench.ts'))
      .map((name) => name.slice(0, -'.bench.ts'.length))
      .sort()
    const [wanted] = args.words
    if (wanted !== undefined && !names.includes(wanted)) {
      throw new UsageError(
        `there is no bench '${wanted}'; there are ${names.join(', ')}${hint(wanted, names)}`,
      )
    }
    for (const name of wanted === undefined ? names : [wanted]) {
      io.say(`bench ${name}\n`)
      const rows = await rowsOf(path.join(folder, `${name}.bench.ts`))
      io.out(
        args.has('json')
          ? rows.map((row) => `${JSON.stringify(row)}\n`).join('')
          : table(io, HEAD, rows.map(cellsOf)),
      )
    }
    return 0
  },
}

const HEAD = ['METRIC', 'SUBJECT', 'VALUE', 'UNIT', 'PEER', 'PEER VALUE', 'RATIO', 'SPREAD', 'RUNS'] as const

function cellsOf({ metric, subject, value, unit, peer, peerValue, ratio, spread, runs }: Row): string[] {
  const short = (number: number | null): string =>
    number === null ? '' : Number(number.toPrecision(4)).toLocaleString('en-US')
  return [
    metric,
    subject,
    short(value),
    unit,
    peer ?? '',
    short(peerValue),
    short(ratio),
    spread.map(short).join('..'),
    String(runs),
  ]
}

async function rowsOf(file: string): Promise<readonly Row[]> {
  const module: { readonly bench?: unknown } = await import(pathToFileURL(file).href)
  if (typeof module.bench !== 'function')
    throw new CliError('E_NO_BENCH', `${path.basename(file)} exports no bench()`)
  return module.bench()
}

function hint(wanted: string, names: readonly string[]): string {
  const close = nearest(wanted, names)
  return close === undefined ? '' : `; did you mean ${close}?`
}
