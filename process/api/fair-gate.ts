// A gate with a number of slots that serves its callers fairly by tenant: by 2DFQ with estimated costs, in
// process/ as in simulation (core/fair). The tenant is that of the execution that calls; without an agent
// nobody is known, all calls are of one, and it serves in order of arrival. With one, what each tenant waits
// and holds is told to the controller.
//
//   run, acquire --> held by a policy? waits outside --> in line, by tenant and weight --> a slot
//                    a deadline passes meanwhile: E_GATE_EXPIRED, fn never begins
//
// Who has a slot is stopped by no point, for others wait for that slot.

import { Gate, SLOTS_MAX, type GateCall } from '#fair'
import type { HostApi } from '#protocol'
import { holding } from './holding.ts'
import { host } from './host.ts'
import { tellUse } from './use.ts'

export type FairGateOptions = { readonly name: string; readonly slots: number }
export type RunOptions = {
  /** How much work it is, in any measure of yours (bytes, rows): the gate learns how long a unit takes. */
  readonly cost?: number
  readonly signal?: AbortSignal
}

/** A slot, until it is given back: `release()`, or the end of the block with `using`. */
export type GateSlot = { release(): void; [Symbol.dispose](): void }

/** Calls of executions that name no tenant. */
const NOBODY = ''

export class FairGate {
  readonly name: string
  readonly slots: number
  readonly #gate: Gate

  /** Errors: RangeError when slots is not a whole number from 1 to 4096. */
  constructor(options: FairGateOptions) {
    const { name, slots } = options
    if (!Number.isSafeInteger(slots) || slots < 1 || slots > SLOTS_MAX)
      throw new RangeError(
        `FairGate ${name}: slots must be a whole number from 1 to ${SLOTS_MAX}, got ${slots}`,
      )
    this.name = options.name
    this.slots = options.slots
    const tell = tellUse(name, 'pool')
    this.#gate = new Gate({
      ...options,
      nowMs: () => performance.now(),
      onLeft: (left) => {
        tell(left)
        // Whoever is next is chosen now: by the weights of now.
        this.#weigh(host())
      },
    })
  }

  /** How many wait. */
  get queued(): number {
    return this.#gate.queued
  }

  /**
   * Runs fn when a slot is free and it is this tenant's turn; the slot is given back however fn ends. Errors:
   * fn's own; the signal's reason while waiting; FairError E_GATE_FULL when 100,000 wait, E_GATE_EXPIRED when
   * the execution's deadline passed before its turn.
   */
  run<R>(fn: () => R | Promise<R>, options: RunOptions = {}): Promise<R> {
    const agent = host()
    if (agent === undefined) return this.#gate.run({ ...options, flow: NOBODY }, fn)
    const work = () => holding(agent, fn)
    const held = this.#held(agent, options)
    if (held === undefined) return this.#gate.run(this.#call(agent, options), work)
    const call = this.#call(agent, options)
    return held.then(() => this.#gate.run(call, work))
  }

  /**
   * A slot for work that is no one function: a connection that is taken here and given back there. Who
   * forgets
   * to give it back makes the gate smaller for good. Errors: as run.
   */
  async acquire(options: RunOptions = {}): Promise<GateSlot> {
    const agent = host()
    const call = agent === undefined ? { ...options, flow: NOBODY } : this.#call(agent, options)
    if (agent !== undefined) await this.#held(agent, options)
    const release = await this.#gate.acquire(call)
    return { release, [Symbol.dispose]: release }
  }

  /** A tenant's share against that of others; everybody's is 1. Errors: FairError E_FAIR_OPTIONS. */
  setWeight(tenant: string, weight: number): void {
    this.#gate.setWeight(tenant, weight)
  }

  /** The gate is a control point of its name: a policy may hold a tenant here, before it is in line. */
  #held(agent: HostApi, { signal }: RunOptions): Promise<void> | undefined {
    this.#weigh(agent)
    return agent.controlPoint(this.name, signal)
  }

  #call(agent: HostApi, options: RunOptions): GateCall {
    const flow = agent.tenant() ?? NOBODY
    const remainingMs = agent.remainingMs?.()
    if (remainingMs === undefined) return { ...options, flow }
    return { ...options, flow, expiresAtMs: performance.now() + remainingMs }
  }

  #weigh(agent: HostApi | undefined): void {
    this.#gate.setOrderedWeights(agent?.weightsAt?.(this.name))
  }
}
