// Who pays for what is used here: the tenant that the baggage of this point names; the members of a batch, by
// their shares; or nobody yet.
//
//   frame ── baggage names a tenant? ──yes──► Payer { place }            kept beside the baggage: read once
//                 │ members? ────────yes────► Payer { members: [place, share]... }
//                 no ─► Unnamed { execution }: what it uses waits, and goes to whoever is named next in it
//   no frame ─► background
//
// Retro 4.1: usage before the id is known is charged to the next id set. There it was the next on the thread;
// a thread of Node serves all requests at once, so here it is the next in the same execution.

import { keepMark, markOf, type Baggage } from '#baggage'
import type { Frame } from '#context'
import type { Workflow } from '../bags.ts'
import { BACKGROUND, NOBODY, OTHERS, type Workflows } from './workflows.ts'

export type Member = { readonly place: number; readonly share: number }

export type Payer =
  | { readonly kind: 'one'; readonly place: number }
  | { readonly kind: 'batch'; readonly members: readonly Member[] }
  | { readonly kind: 'unnamed'; readonly execution: number }

/** On a baggage that was read; places are of an epoch. */
class Mark {
  readonly payer: Payer
  readonly epoch: number

  constructor(payer: Payer, epoch: number) {
    this.payer = payer
    this.epoch = epoch
  }
}

type Reads = Pick<Workflow, 'tenant' | 'members'>

/** Owned by one meter. */
export class Payers {
  readonly #workflows: Workflows
  readonly #reads: Reads
  /** Places are of an epoch: what was looked up before is void after it. */
  #epoch = nextEpoch()
  #nobodys: Payer | undefined
  #backgrounds: Payer | undefined

  constructor(workflows: Workflows, reads: Reads) {
    this.#workflows = workflows
    this.#reads = reads
  }

  /** Cost: a field when this baggage was met before; else its bag is read. */
  of(frame: Frame | undefined): Payer {
    if (frame === undefined) return this.background
    const { baggage } = frame
    if (baggage.byteLength === 0) return { kind: 'unnamed', execution: frame.scope.execution.root }
    const known = this.#known(baggage)
    if (known !== undefined && known.kind !== 'unnamed') return known
    const payer = known === undefined ? this.#read(baggage) : undefined
    if (payer !== undefined) return payer
    return { kind: 'unnamed', execution: frame.scope.execution.root }
  }

  named(tenant: string): Payer {
    return { kind: 'one', place: this.#workflows.placeOf(tenant) }
  }

  get nobody(): Payer {
    return (this.#nobodys ??= { kind: 'one', place: this.#workflows.placeOfOurs(NOBODY) })
  }

  get background(): Payer {
    return (this.#backgrounds ??= { kind: 'one', place: this.#workflows.placeOfOurs(BACKGROUND) })
  }

  forget(): void {
    this.#epoch = nextEpoch()
    this.#nobodys = undefined
    this.#backgrounds = undefined
  }

  #known(baggage: Baggage): Payer | undefined {
    const mark = markOf(baggage)
    return mark instanceof Mark && mark.epoch === this.#epoch ? mark.payer : undefined
  }

  #read(baggage: Baggage): Payer | undefined {
    const tenant = this.#reads.tenant(baggage)
    const members = tenant === undefined ? undefined : this.#reads.members(baggage)
    if (tenant === undefined) {
      keepMark(baggage, new Mark(UNNAMED, this.#epoch))
      return undefined
    }
    const payer: Payer = members === undefined ? this.named(tenant) : this.#batch(members)
    keepMark(baggage, new Mark(payer, this.#epoch))
    return payer
  }

  #batch(members: ReadonlyMap<string, number>): Payer {
    let total = 0
    for (const share of members.values()) total += share
    return {
      kind: 'batch',
      members: [...members].map(([name, share]) => ({
        place: name === OTHERS ? this.#workflows.placeOfOurs(OTHERS) : this.#workflows.placeOf(name),
        share: share / total,
      })),
    }
  }
}

/** Says that a baggage was read and names nobody; whose execution it is stands in the frame. */
const UNNAMED: Payer = { kind: 'unnamed', execution: 0 }

/** Two meters of one process must not believe each other's places. */
function nextEpoch(): number {
  return performance.now() + Math.random()
}
