// A page of pieces, as Canopy's case studies know them: the server starts all pieces at once and sends each
// phase as soon as it is ready; the browser shows a piece when its text and its style sheets are there.
//
//   server   [phase top: piece UserInput, piece Feed]--flush      [phase rest: Photos, Suggestions]--flush
//   sent     head + early flush of style sheets | top ...........| rest
//   browser  fetches style sheets meanwhile      shows top         shows rest
//
// early-flush: the head no longer foretells the style sheet of UserInput, which has grown: the browser finds
// it when the piece arrives (Canopy 5.4, case 1). causal-order: the phase at the top waits for Suggestions,
// which nobody sees before the rest (case 2): on the server, or, in the experiment `together`, in the page.
// cable-cut: one country is far away (case 3).

import { setTimeout as sleep } from 'node:timers/promises'
import { CABLE_CUT, type Fault } from './faults.ts'
import { inSpan, traceparentHere } from './in-span.ts'

export const PIECES = {
  UserInput: { phase: 'top' },
  Feed: { phase: 'top' },
  Photos: { phase: 'rest' },
  Suggestions: { phase: 'rest' },
} as const
export type Piece = keyof typeof PIECES

const NAMES: readonly Piece[] = ['UserInput', 'Feed', 'Photos', 'Suggestions']
const PHASES = ['top', 'rest'] as const
type Phase = (typeof PHASES)[number]

/** Of each style sheet; with early-flush that of UserInput has 10 kB more. */
const STYLE_BYTES = 6_000
const STYLE_BYTES_GROWN = 16_000
/** A style sheet comes over a line of this delay and speed. */
const STYLE_MS = 40
const STYLE_BYTES_PER_MS = 100

/** Who opened the page, and what he gets; the page is told. */
export type Visit = {
  readonly rid: string
  readonly release: string
  /** As a proxy at the edge knows it: two letters. */
  readonly country: string
  readonly experiment: Experiment
}
export type Experiment = 'together' | 'none'

export type PageParts = {
  readonly visit: Visit
  readonly fault: Fault | undefined
  /** The text of a piece; runs inside the span of the piece. */
  readonly render: (piece: Piece) => Promise<string>
}

/** The document in the parts in which it is sent. Everything it waits for has begun when this returns. */
export function pageOf({ visit, fault, render }: PageParts): AsyncGenerator<string> {
  const suggestions = Promise.withResolvers<string>()
  const textOf = (piece: Piece) => inSpan(`piece ${piece}`, () => render(piece))
  const partsOf = (phase: Phase) => async (): Promise<string> => {
    const names = NAMES.filter((name) => PIECES[name].phase === phase && name !== 'Suggestions')
    const begun = names.map(async (name) => [name, await textOf(name)] as const)
    const parts = await Promise.all(begun)
    if (phase === 'rest' || (fault === 'causal-order' && visit.experiment === 'none')) {
      const late = await inSpan('AwaitSuggestions', () => suggestions.promise)
      const text = await inSpan('ParseSuggestions', async () => late.toUpperCase())
      if (phase === 'rest') parts.push(['Suggestions', text])
    }
    const after = traceparentHere() ?? ''
    return parts.map(([name, text]) => partOf({ name, text, after, rid: visit.rid })).join('')
  }
  textOf('Suggestions').then(suggestions.resolve, suggestions.reject)
  const phases = PHASES.map((phase) => inSpan(`phase ${phase}`, partsOf(phase)))
  // Whoever fails is reported where the document is written.
  for (const phase of phases) phase.catch(() => undefined)
  return written({ visit, fault }, phases)
}

async function* written(
  { visit, fault }: Pick<PageParts, 'visit' | 'fault'>,
  phases: readonly Promise<string>[],
): AsyncGenerator<string> {
  const foretold = NAMES.filter((name) => fault !== 'early-flush' || name !== 'UserInput')
  const isTogether = fault === 'causal-order' && visit.experiment === 'together'
  yield headOf({ ...visit, isTogether }, foretold)
  for (const phase of phases) {
    const part = await phase
    await sleep(lineMs(visit.country, fault))
    yield part
  }
  yield '</body></html>\n'
}

export function styleBytes(piece: Piece, fault: Fault | undefined): number {
  return fault === 'early-flush' && piece === 'UserInput' ? STYLE_BYTES_GROWN : STYLE_BYTES
}

export function styleDelayMs(bytes: number): number {
  return STYLE_MS + bytes / STYLE_BYTES_PER_MS
}

/** How much longer the line to there takes than others. */
export function lineMs(country: string, fault: Fault | undefined): number {
  return fault === 'cable-cut' && country === CABLE_CUT.country ? CABLE_CUT.ms : 0
}

const styleOf = (piece: Piece, rid: string): string => `/style/${piece}.css?rid=${encodeURIComponent(rid)}`

function headOf(visit: Visit & { readonly isTogether: boolean }, foretold: readonly Piece[]): string {
  const styles = foretold.map((name) => styleOf(name, visit.rid))
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>shelf</title>
<link rel="icon" href="data:,">
<script type="importmap">{ "imports": { "crosscut/browser": "/recorder/index.js" } }</script>
<script>pieces = []; visit = ${JSON.stringify(visit).replaceAll('<', '\\u003c')}</script>
<script type="module" async src="/pieces.mjs"></script>
${styles.map((href) => `<link rel="preload" as="style" href="${href}">`).join('\n')}
</head><body>${NAMES.map((name) => `<section id="${name}"></section>`).join('')}
`
}

type Part = { readonly name: Piece; readonly text: string; readonly after: string; readonly rid: string }

/** Text of shelf is bytes of anybody: it goes into the document as text. */
function partOf({ name, text, after, rid }: Part): string {
  const about = { name, phase: PIECES[name].phase, styles: [styleOf(name, rid)], after }
  return (
    `<template data-piece="${name}"><h2>${name}</h2><p>${escaped(text)}</p></template>` +
    `<script>pieces.push({ ...${JSON.stringify(about)}, at: performance.now() })</script>\n`
  )
}

const escaped = (text: string): string => text.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`)
