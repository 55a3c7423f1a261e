// Tells the trace who waited for a lock, how long, and for whom: request and acquire are the ends of a block
// `wait NAME`, the release is where its edge comes from. A lock that nobody waits for records nothing.
//
//   holder  ═════════════╗ release
//   waiter  ──[wait NAME]╝──► acquired
//
// Owned by one lock. Source: Canopy 3.4 (request, acquire, release).

import type { HostApi, HostMark } from '#protocol'

export class LockRecord {
  readonly #name: string
  #released: HostMark | undefined

  constructor(name: string) {
    this.#name = name
  }

  /** Called by who got it after waiting since `sinceMs`. */
  acquired(agent: HostApi, sinceMs: number): void {
    agent.waited(sinceMs, this.#released, { kind: 'lock', name: this.#name, annotations: {} })
  }

  /** Called by who gives it back, while others wait. */
  released(agent: HostApi): void {
    this.#released = agent.mark()
  }
}
