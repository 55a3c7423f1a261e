// Requests that came and went: how long each tenant's took, the connections they waited for and held, and the
// bytes they moved.
//
//   caller asks ──wait──► has a connection ──service──► answer read          pool `http.client:HOST:PORT`
//   socket      [ request a ][ request b ]...            bytes since the last one: `network`, or `loopback`
//
// A pool is what is behind an origin: its wait is what an agent's or a dispatcher's queue took, its load the
// time that connections were held.

import type { Socket } from 'node:net'
import type { Baggage } from '#baggage'
import type { CarrierObserver, ClientExchange, ServerExchange } from '#carriers'
import { frameOf, type Scope } from '#context'
import { useOf, type Columns } from './columns.ts'
import { ORIGINS_MAX } from './limits.ts'
import type { Usage } from './usage.ts'

type Parts = {
  readonly usage: Usage
  readonly tenantOf: (baggage: Baggage) => string | undefined
  readonly finished: (tenant: string, latencyMs: number) => void
}

/** What a connection had carried when its last request ended. */
type Carried = { readonly isLoopback: boolean; bytes: number }

export function openRequestMeter(parts: Parts): CarrierObserver {
  const meter = new RequestMeter(parts)
  return {
    serverEnd: (exchange) => meter.served(exchange),
    clientEnd: (exchange) => meter.called(exchange),
  }
}

class RequestMeter {
  readonly #parts: Parts
  readonly #origins = new Set<string>()
  readonly #carried = new WeakMap<Socket, Carried>()

  constructor(parts: Parts) {
    this.#parts = parts
  }

  served(exchange: ServerExchange): void {
    const { usage, tenantOf, finished } = this.#parts
    const { baggage, returned, scope, startedAtMs, isRefused, request } = exchange
    // What it carried when its answer began: whoever was named until then.
    const tenant = tenantOf(returned) ?? tenantOf(baggage) ?? ''
    if (!isRefused) finished(tenant, performance.now() - startedAtMs)
    usage.over(scope.execution.root, tenant)
    this.#moved(request.socket, { baggage: returned, scope })
  }

  called(exchange: ClientExchange): void {
    const { usage } = this.#parts
    const { startedAtMs, connectedAtMs, host, port, socket } = exchange
    if (connectedAtMs === 0) return
    const columns = this.#origin(`${host}:${port}`)
    if (columns !== undefined) {
      const payer = usage.payerOf(frameOf(exchange.baggage, exchange.scope))
      const use = useOf(connectedAtMs - startedAtMs, performance.now() - connectedAtMs)
      usage.charge(columns, payer, use)
    }
    if (socket !== undefined) this.#moved(socket, exchange)
  }

  #origin(name: string): Columns | undefined {
    if (!this.#origins.has(name)) {
      if (this.#origins.size >= ORIGINS_MAX) return this.#parts.usage.resource('http.client:(other)', 'pool')
      this.#origins.add(name)
    }
    return this.#parts.usage.resource(`http.client:${name}`, 'pool')
  }

  #moved(socket: Socket, { baggage, scope }: { readonly baggage: Baggage; readonly scope: Scope }): void {
    const carried = this.#carried.get(socket) ?? this.#meet(socket)
    const bytes = socket.bytesRead + socket.bytesWritten
    const fresh = bytes - carried.bytes
    carried.bytes = bytes
    if (!(fresh > 0)) return
    const { usage } = this.#parts
    const columns = usage.resource(carried.isLoopback ? 'loopback' : 'network', 'network')
    if (columns === undefined) return
    const payer = usage.payerOf(frameOf(baggage, scope))
    usage.charge(columns, payer, useOf(0, 0, fresh))
  }

  #meet(socket: Socket): Carried {
    const { remoteAddress = '' } = socket
    const isLoopback = remoteAddress === '' || LOOPBACK.test(remoteAddress)
    const carried = { isLoopback, bytes: 0 }
    this.#carried.set(socket, carried)
    return carried
  }
}

/** Pipes have no address. */
const LOOPBACK = /^(?:::ffff:)?127\.|^::1$/
