// What tools do to a request that arrives and to a call that leaves: who waits, fails, goes elsewhere. Loaded
// with the first tool that does any of it.
//
//   arrives   hold ── released ──► delay ── over ──► answered with a status, or let in (steering.ts)
//   leaves    route: another destination    hold ──► delay ──► fails, or leaves
//
//   held      until an operator releases the tool (its `release` in the desired state is another one), its
//             time is over, or the tool is gone: removed, expired with the state, switched off
//
// Whoever waits is waited for: its timer holds the process. Whom there is no room for goes on and is counted.

import type { Value } from '#advice'
import type { ClientExchange } from '#carriers'
import type { ActName } from '#protocol'
import type { FaultError } from '../fault.ts'
import { HELD_MAX, HELD_MS_MAX, HOLD_MS_MAX, POINT_WAITING_MAX, STATUS_MAX, STATUS_MIN } from './limits.ts'

type Wait = { readonly ms: number; readonly tool: string }

/** What tools ask of one request. */
export type Stop = {
  readonly hold?: Wait | undefined
  readonly delay?: Wait | undefined
  readonly answer?: { readonly status: number; readonly tool: string } | undefined
  readonly route?: string | undefined
  readonly fault?: FaultError | undefined
}

type Parts = {
  readonly detached: <R>(fn: () => R) => R
  readonly count: (reason: string) => void
  /** Another number than when it was held: it is let go. */
  readonly releaseOf: (tool: string) => number
  /** An attribute of its span. */
  readonly tell: (exchange: ClientExchange, key: string, value: string) => void
}

type Waiting = { readonly tool: string; readonly release: number; goOn(): void }
type Line = { readonly waiting: Set<Waiting>; readonly most: number; readonly msMax: number }

type Asked = { readonly act: ActName; readonly value: Value; readonly tool: string }

/** Of several tools the first one's, but the longest delay. undefined: the value makes no sense. */
function stopFor(stop: Stop, asked: Asked): Stop | undefined {
  const { act, value, tool } = asked
  if (act === 'route') return destinationOf(value) && { route: String(value), ...stop }
  const number = Number(value)
  if (act === 'reject') {
    const isError = Number.isInteger(number) && number >= STATUS_MIN && number <= STATUS_MAX
    return isError ? { answer: { status: number, tool }, ...stop } : undefined
  }
  if (!(number >= 0)) return undefined
  if (act === 'hold') return { hold: { ms: number, tool }, ...stop }
  return number > (stop.delay?.ms ?? 0) ? { ...stop, delay: { ms: number, tool } } : stop
}

type Destination = { readonly host: string; readonly port: number }

/** `host:port`; an IPv6 address stands in brackets. */
function destinationOf(value: Value): Destination | undefined {
  const [, bracketed, plain = '', digits] =
    /^(?:\[([\da-fA-F:.]+)\]|([\w.-]+)):(\d{1,5})$/.exec(String(value)) ?? []
  const port = Number(digits)
  return port >= 1 && port <= 65_535 ? { host: bracketed ?? plain, port } : undefined
}

/** Owned by one agent. */
export class ToolStops {
  readonly stopFor = stopFor
  readonly #parts: Parts
  readonly #held: Line = { waiting: new Set(), most: HELD_MAX, msMax: HELD_MS_MAX }
  readonly #delayed: Line = { waiting: new Set(), most: POINT_WAITING_MAX, msMax: HOLD_MS_MAX }
  #tools: ReadonlySet<string> = new Set()

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** These may stop requests, and no others. */
  become(tools: ReadonlySet<string>): void {
    this.#tools = tools
    for (const { tool, release, goOn } of [...this.#held.waiting])
      if (!tools.has(tool) || release !== this.#parts.releaseOf(tool)) goOn()
    for (const { tool, goOn } of [...this.#delayed.waiting]) if (!tools.has(tool)) goOn()
  }

  heldBy(tool: string): number {
    return [...this.#held.waiting].filter((one) => one.tool === tool).length
  }

  /** Gives how to give it up; undefined: it need not wait, and `go` is not called. */
  wait({ hold, delay }: Stop, go: () => void): (() => void) | undefined {
    const delayed = () => delay && this.#park('delay', delay, go)
    const held =
      hold &&
      this.#park('hold', hold, () => {
        leave = delayed()
        if (leave === undefined) go()
      })
    let leave = held ?? delayed()
    return leave && (() => leave?.())
  }

  /** undefined: it goes on now. */
  depart(stop: Stop, exchange: ClientExchange, go: (error?: Error) => void): (() => void) | undefined {
    this.#route(stop, exchange)
    const { fault } = stop
    const leave = this.wait(stop, () => go(fault))
    if (leave !== undefined || fault === undefined) return leave
    // As late as a connection that fails at once: the application has its request, and listens.
    const soon = this.#parts.detached(() => setImmediate(() => go(fault)))
    return () => clearImmediate(soon)
  }

  #route({ route = '' }: Stop, exchange: ClientExchange): void {
    const { host, port } = exchange
    const destination = destinationOf(route)
    if (destination === undefined) return
    if (!exchange.goTo(destination.host, destination.port)) return this.#parts.count('route-refused')
    this.#parts.tell(exchange, ROUTED_FROM, `${host}:${port}`)
  }

  #park(act: 'hold' | 'delay', { ms, tool }: Wait, go: () => void): (() => void) | undefined {
    const { count, detached, releaseOf } = this.#parts
    const { waiting, most, msMax } = act === 'hold' ? this.#held : this.#delayed
    if (!this.#tools.has(tool)) return undefined
    if (waiting.size >= most) {
      count(`${act}-full`)
      return undefined
    }
    const goOn = () => {
      leave()
      go()
    }
    const over = () => {
      if (act === 'hold') count('hold-over')
      goOn()
    }
    const one: Waiting = { tool, release: releaseOf(tool), goOn }
    const timer = detached(() => setTimeout(over, Math.min(ms, msMax)))
    const leave = () => {
      clearTimeout(timer)
      waiting.delete(one)
    }
    waiting.add(one)
    return leave
  }
}

const ROUTED_FROM = 'crosscut.routed.from'
