// What was used, by resource and workflow: the one place where all meters write.
//
//   meters ── charge(columns, payer, use) ──► columns of the resource ── told() each second ──► report
//                          └─ unnamed: owed by its execution ── named ──► columns of who was named
//                                                            └─ over, or 5 s ──► (none)
//
// Memory is fixed: so many workflows, resources and executions that owe. When all places of workflows are
// taken and the rest counts for much, an epoch ends: those that used most keep a place, others come in anew.

import { currentFrame, type Frame } from '#context'
import type { ResourceMeasurement, ResourceMeasurementKind } from '#protocol'
import type { Workflow } from '../bags.ts'
import { METER_RESOURCES_MAX, METER_WORKFLOWS_MAX, TENANT_LENGTH_MAX } from '../limits.ts'
import { Columns, type Use } from './columns.ts'
import {
  RENEW_KEPT_PART,
  RENEW_MS_MIN,
  RENEW_OTHERS_PART,
  UNNAMED_MAX,
  UNNAMED_MS_MAX,
  UNNAMED_USES_MAX,
} from './limits.ts'
import { Payers, type Payer } from './payers.ts'
import { OTHERS, Workflows } from './workflows.ts'

type Owed = { readonly sinceMs: number; readonly uses: { readonly columns: Columns; use: Use }[] }

export type UsageOptions = {
  readonly epoch: number
  readonly reads: Pick<Workflow, 'tenant' | 'members'>
  readonly nowMs: () => number
}

export class Usage {
  readonly workflows = new Workflows()
  readonly payers: Payers
  readonly #nowMs: () => number
  #epoch: number
  #renewedMs: number
  /** Load by place when last looked at, to know what is recent. */
  #before: ReadonlyMap<Columns, readonly number[]> = new Map()
  readonly #resources = new Map<string, Columns>()
  readonly #unnamed = new Map<number, Owed>()

  constructor({ epoch, reads, nowMs }: UsageOptions) {
    this.#epoch = epoch
    this.#nowMs = nowMs
    this.#renewedMs = nowMs()
    this.payers = new Payers(this.workflows, reads)
  }

  get epoch(): number {
    return this.#epoch
  }

  /** undefined: all places of resources are taken. */
  resource(name: string, kind: ResourceMeasurementKind): Columns | undefined {
    const cut = name.slice(0, TENANT_LENGTH_MAX)
    const known = this.#resources.get(cut)
    if (known !== undefined || this.#resources.size >= METER_RESOURCES_MAX) return known
    const made = new Columns(kind)
    this.#resources.set(cut, made)
    return made
  }

  /** For a resource that somebody has used: the part of its capacity in use now. */
  utilised(name: string, read: () => number | undefined): void {
    const columns = this.#resources.get(name)
    if (columns !== undefined) columns.utilisation = read()
  }

  /** Of this point of the program; settles what its execution owes when it is named. */
  payerHere(): Payer {
    return this.payerOf(currentFrame())
  }

  payerOf(frame: Frame | undefined): Payer {
    const payer = this.payers.of(frame)
    if (payer.kind !== 'unnamed' && frame !== undefined && this.#unnamed.size > 0)
      this.#settle(frame.scope.execution.root, payer)
    return payer
  }

  /** By the name a gate keeps it under; at this very point the batch that stands behind the name. */
  payerNamed(tenant: string): Payer {
    const frame = currentFrame()
    if (frame === undefined) return tenant === '' ? this.payers.nobody : this.payers.named(tenant)
    const here = this.payerOf(frame)
    if (tenant === '') return here
    const named = this.payers.named(tenant)
    const isBatchOf = here.kind === 'batch' && named.kind === 'one' && here.members[0]?.place === named.place
    return isBatchOf ? here : named
  }

  charge(columns: Columns, payer: Payer, use: Use): void {
    switch (payer.kind) {
      case 'one':
        return columns.add(payer.place, use)
      case 'batch':
        for (const { place, share } of payer.members) columns.add(place, use, share)
        return
      case 'unnamed':
        return this.#owe(payer.execution, columns, use)
    }
  }

  /**
   * Some uses, together so long. Without an object: of four shapes of those V8 kept one out of date, and went
   * its slow path at each addition (9 us a request).
   */
  chargeTime(columns: Columns, payer: Payer, count: number, ms: number, sq: number): void {
    if (payer.kind === 'one') columns.addTime(payer.place, count, ms, sq)
    else if (payer.kind === 'batch')
      for (const { place, share } of payer.members)
        columns.addTime(place, share * count, share * ms, share * sq)
    else {
      const use = { count, load: ms, waitMs: 0, waitSq: 0, serviceMs: ms, serviceSq: sq }
      this.#owe(payer.execution, columns, use)
    }
  }

  /** An execution ended: whoever it worked for is known now, or nobody is. */
  over(execution: number, tenant: string): void {
    if (this.#unnamed.size === 0) return
    this.#settle(execution, tenant === '' ? this.payers.nobody : this.payers.named(tenant))
  }

  /** To be called before a report: who was not named in time is not waited for any longer. */
  settleOld(): void {
    const nowMs = this.#nowMs()
    for (const [execution, { sinceMs }] of this.#unnamed) {
      if (nowMs - sinceMs < UNNAMED_MS_MAX) return
      this.#settle(execution, this.payers.nobody)
    }
  }

  told(): ResourceMeasurement[] {
    return [...this.#resources].map(([name, columns]) => columns.told(name))
  }

  /**
   * After a report: begins a new epoch when it is time. True = all places are void, and so are the columns of
   * whoever else keeps some.
   */
  renewed(): boolean {
    const nowMs = this.#nowMs()
    if (!this.workflows.isFull || nowMs - this.#renewedMs < RENEW_MS_MIN) return false
    const { names } = this.workflows
    const recent = this.#recent()
    this.#before = new Map(
      [...this.#resources.values()].map((one) => [one, names.map((_, i) => one.loadOf(i))]),
    )
    this.#renewedMs = nowMs
    const total = recent.reduce((sum, one) => sum + one, 0)
    if ((recent[names.indexOf(OTHERS)] ?? 0) <= RENEW_OTHERS_PART * total) return false
    const busiest = names
      .map((name, place) => ({ name, used: recent[place] ?? 0 }))
      .filter(({ name, used }) => used > 0 && !name.startsWith('('))
      .sort((a, b) => b.used - a.used)
      .slice(0, RENEW_KEPT_PART * METER_WORKFLOWS_MAX)
    this.#begin(busiest.map(({ name }) => name))
    return true
  }

  #begin(names: readonly string[]): void {
    this.workflows.renew(names)
    this.payers.forget()
    this.#epoch += 1
    this.#before = new Map()
    for (const columns of this.#resources.values()) columns.clear()
    // What is owed keeps columns, never places.
  }

  /** By place: load of all resources since the last look, each as its part of that resource. */
  #recent(): number[] {
    const work = this.workflows.names.map(() => 0)
    for (const columns of this.#resources.values()) {
      const before = this.#before.get(columns)
      const fresh = work.map((_, place) => columns.loadOf(place) - (before?.[place] ?? 0))
      const total = fresh.reduce((sum, one) => sum + one, 0)
      if (total > 0) for (const [place, load] of fresh.entries()) work[place] += load / total
    }
    return work
  }

  #owe(execution: number, columns: Columns, use: Use): void {
    const known = this.#unnamed.get(execution)
    if (known === undefined) {
      if (this.#unnamed.size >= UNNAMED_MAX) this.#giveUpOldest()
      this.#unnamed.set(execution, { sinceMs: this.#nowMs(), uses: [{ columns, use }] })
      return
    }
    const same = known.uses.find((one) => one.columns === columns)
    if (same !== undefined) same.use = sum(same.use, use)
    else if (known.uses.length < UNNAMED_USES_MAX) known.uses.push({ columns, use })
    else this.charge(columns, this.payers.nobody, use)
  }

  #giveUpOldest(): void {
    const [oldest] = this.#unnamed.keys()
    if (oldest !== undefined) this.#settle(oldest, this.payers.nobody)
  }

  #settle(execution: number, payer: Payer): void {
    const owed = this.#unnamed.get(execution)
    if (owed === undefined) return
    this.#unnamed.delete(execution)
    for (const { columns, use } of owed.uses) this.charge(columns, payer, use)
  }
}

function sum(a: Use, b: Use): Use {
  return {
    count: a.count + b.count,
    load: a.load + b.load,
    waitMs: a.waitMs + b.waitMs,
    waitSq: a.waitSq + b.waitSq,
    serviceMs: a.serviceMs + b.serviceMs,
    serviceSq: a.serviceSq + b.serviceSq,
  }
}
