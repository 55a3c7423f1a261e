// Requests that a tool delays before their handler sees them. Whoever is delayed is waited for: the timer
// holds the process. When the tool is gone, everybody whom it delays goes on.

import { HOLD_MS_MAX, POINT_WAITING_MAX } from './limits.ts'

export class Delays {
  readonly #detached: <R>(fn: () => R) => R
  readonly #waiting = new Map<NodeJS.Timeout, { readonly tool: string; go(): void }>()

  constructor(detached: <R>(fn: () => R) => R) {
    this.#detached = detached
  }

  /**
   * Calls `go` once, later; it must not throw. Gives how to give it up before; undefined = too many wait,
   * `go` is never called.
   */
  hold(tool: string, ms: number, go: () => void): (() => void) | undefined {
    if (this.#waiting.size >= POINT_WAITING_MAX) return undefined
    const timer = this.#detached(() =>
      setTimeout(
        () => {
          this.#waiting.delete(timer)
          go()
        },
        Math.min(ms, HOLD_MS_MAX),
      ),
    )
    this.#waiting.set(timer, { tool, go })
    return () => {
      clearTimeout(timer)
      this.#waiting.delete(timer)
    }
  }

  /** Whom any other tool delays. */
  releaseBut(tools: ReadonlySet<string>): void {
    for (const [timer, { tool, go }] of [...this.#waiting]) {
      if (tools.has(tool)) continue
      clearTimeout(timer)
      this.#waiting.delete(timer)
      go()
    }
  }
}
