// Keeps one part alive: starts it, watches for its end, starts it again with growing pauses, and says how it
// is.
//
//   starting --ok--> running --ended--> waiting (100 ms .. 10 s) --> starting ...     close() --> closed

import type { Clock } from '#base'
import { RESTART_CALM_MS, RESTART_MS_MAX, RESTART_MS_MIN } from './limits.ts'

export type Part = { readonly exited: Promise<Error | undefined>; close(): Promise<void> }

export type PartStatus = {
  readonly name: string
  /** failed = it does not start again by itself. */
  readonly state: 'starting' | 'running' | 'waiting' | 'failed' | 'closed'
  readonly restarts: number
  readonly lastError?: string
}

export class Supervisor<P extends Part> {
  readonly name: string
  readonly #start: () => Promise<P>
  readonly #clock: Clock
  readonly #log: (message: string) => void
  #part: P | undefined
  #state: Exclude<PartStatus['state'], 'failed'> = 'starting'
  #restarts = 0
  #lastError: string | undefined
  #pauseMs = RESTART_MS_MIN
  #timer: { cancel(): void } | undefined
  #starting: Promise<void> = Promise.resolve()

  constructor(options: {
    name: string
    clock: Clock
    log: (message: string) => void
    start: () => Promise<P>
  }) {
    this.name = options.name
    this.#start = options.start
    this.#clock = options.clock
    this.#log = options.log
  }

  /** undefined while it is not running. */
  get part(): P | undefined {
    return this.#part
  }

  status(): PartStatus {
    const { name } = this
    return {
      name,
      state: this.#state,
      restarts: this.#restarts,
      ...(this.#lastError === undefined ? {} : { lastError: this.#lastError }),
    }
  }

  /** The first start; its failure is the caller's. Later failures are retried. */
  async start(): Promise<P> {
    const part = await this.#start()
    this.#run(part)
    return part
  }

  async close(): Promise<void> {
    this.#state = 'closed'
    this.#timer?.cancel()
    await this.#starting
    await this.#part?.close()
    this.#part = undefined
  }

  #run(part: P): void {
    if (this.#state === 'closed') return void part.close()
    const startedMs = this.#clock.monotonicMs()
    this.#part = part
    this.#state = 'running'
    void part.exited.then((error) => {
      if (this.#part === part) this.#part = undefined
      if (this.#state === 'closed') return
      if (this.#clock.monotonicMs() - startedMs > RESTART_CALM_MS) this.#pauseMs = RESTART_MS_MIN
      this.#again(error ?? new Error('ended without an error'))
    })
  }

  #again(error: Error): void {
    this.#lastError = error.message
    this.#restarts += 1
    this.#state = 'waiting'
    this.#log(`${this.name} ended (${error.message}); starting it again in ${this.#pauseMs} ms`)
    this.#timer = this.#clock.setTimer(this.#pauseMs, () => {
      this.#starting = this.#retry()
    })
    this.#pauseMs = Math.min(this.#pauseMs * 2, RESTART_MS_MAX)
  }

  async #retry(): Promise<void> {
    if (this.#state === 'closed') return
    this.#state = 'starting'
    try {
      this.#run(await this.#start())
    } catch (error: unknown) {
      if (this.#isOpen()) this.#again(error instanceof Error ? error : new Error(String(error)))
    }
  }

  #isOpen(): boolean {
    return this.#state !== 'closed'
  }
}
