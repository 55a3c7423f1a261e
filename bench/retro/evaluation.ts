// Writes docs/evaluation.md from what the benches printed: every experiment, its question, its bound and its
// figures. Figures are never typed by hand.
//
//   for NAME in retro fair metering slo-demo: npm run -s bench -- NAME --json > NAME.jsonl
//   npm run -s node -- bench/retro/evaluation.ts *.jsonl

import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { BenchRow } from '../measure.ts'
import { EXPERIMENTS, type Experiment } from './experiments.ts'

const PAGE = fileURLToPath(new URL('../../docs/evaluation.md', import.meta.url))
const BAR_WIDTH = 20

const files = process.argv.slice(2)
const rows = files.flatMap((file) =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as BenchRow),
)
function page(): string {
  const used = new Set<BenchRow>()
  const sections = EXPERIMENTS.map((experiment) => {
    const own = rows.filter((row) => experiment.takes(row))
    for (const row of own) used.add(row)
    return sectionOf(experiment, own)
  })
  const left = rows.filter((row) => !used.has(row) && row.bench !== 'fair')
  if (left.length > 0) throw new Error(`no section for ${left.map(({ metric }) => metric).join(', ')}`)
  return `${HEAD}\n${sections.join('\n')}\n`
}

const HEAD = `# Evaluation: sharing by tenant

Every experiment of Retro (NSDI 2015) and 2DFQ (SIGCOMM 2016) that can be made again on one machine, with its
bound and its figures. Written by \`bench/retro/evaluation.ts\` from what \`crosscut bench NAME --json\`
prints for retro, fair, metering and slo-demo; nothing here is typed by hand but the questions.

- **Simulated**: our queues, limiters, measurements and policies in simulated time, five seeds. The same on
  every machine; tests hold the bounds (\`service/control/*.test.ts\`, \`core/fair/*.test.ts\`).
- **Real**: real processes on a small machine (2 cores, shared with other work). Read the ratios. E4 and E5
  leave out their first 1.5 s: with them E5 was 9 times better, not 145. E14 leaves out the CPU of the
  processes' start: with it 5.9 % was unattributed.
- Baselines: *none*; *static*, the same fixed rate for each tenant, the best that well-behaved ones allow;
  *gradient*, Netflix's limit on concurrency; *shedding*, nobody gets in while the last second was slow;
  *round-robin*, each queue serves tenants by turns; *literal*, the listing as published.
- \`ratio\` is ours / peer, with its lowest and highest; bars are drawn to the largest of a block.
- Not kept on this machine: E13, metered beside plain; E9 on the demo, later seconds above the target in two
  of three phases of 20 s. What is known of both stands in [measured](measured.md). There is no E8.
`

function sectionOf({ id, title, kind, question, bound }: Experiment, own: readonly BenchRow[]): string {
  const blocks = Map.groupBy(own, ({ metric, subject, unit }) => `${metric}\n${subject}\n${unit}`)
  const figures = [...blocks.values()].map(blockOf)
  return `## ${id}: ${title}

${question} *${kind}.* Bound: ${bound}

${figures.length > 0 ? figures.join('\n') : 'Not measured in this run.\n'}`
}

/** One quantity of ours, and of each peer. */
function blockOf(block: readonly BenchRow[]): string {
  const [first] = block
  if (first === undefined) return ''
  const peers = block.filter((row) => row.peer !== null)
  const largest = Math.max(first.value, ...peers.map(({ peerValue }) => peerValue ?? 0))
  const line = (name: string, value: number, rest: string) =>
    `| ${name} | ${shown(value)} | ${bar(value, largest)} | ${rest} |`
  const alone = first.peer === null ? `${shown(first.spread[0])} .. ${shown(first.spread[1])}` : ''
  return `${first.metric.replace(/^E\d+ /, '')}, ${first.unit}

| | value | | ratio |
|---|---:|---|---|
${line(`**${first.subject}**`, first.value, alone)}
${peers
  .map((row) =>
    line(
      row.peer ?? '',
      row.peerValue ?? Number.NaN,
      `${shown(row.ratio ?? Number.NaN)} [${row.spread.map(shown).join(' .. ')}]`,
    ),
  )
  .join('\n')}
`
}

function shown(value: number): string {
  if (!Number.isFinite(value)) return ''
  return Math.abs(value) >= 1_000
    ? Math.round(value).toLocaleString('en')
    : String(Number(value.toPrecision(3)))
}

const bar = (value: number, largest: number): string =>
  '█'.repeat(largest > 0 ? Math.round((BAR_WIDTH * value) / largest) : 0)

writeFileSync(PAGE, page())
