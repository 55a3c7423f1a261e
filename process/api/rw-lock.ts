// Many readers or one writer, in order of arrival: a waiting writer is not overtaken by later readers, so
// nobody starves.
//
// What a tenant loads it with is the time that others could not write: readers at the same time pay equal
// parts of it, a writer all of it.

import { holding } from './holding.ts'
import { host } from './host.ts'
import { LockRecord } from './lock-record.ts'
import type { LockOptions } from './mutex.ts'
import { PendingUse } from './pending-use.ts'

type Place = { readonly isWriter: boolean; readonly grant: () => void }

export class RwLock {
  readonly name: string
  readonly #record: LockRecord
  #readers = 0
  /** Time with readers, for each of them: it grows by dt / readers. */
  #readMs = 0
  #readSinceMs = 0
  #isWriting = false
  #line: Place[] = []

  constructor(options: LockOptions = {}) {
    this.name = options.name ?? 'rwlock'
    this.#record = new LockRecord(this.name)
  }

  get queued(): number {
    return this.#line.length
  }

  /** Runs fn beside other readers. Errors: fn's own; the signal's reason while waiting. */
  read<R>(fn: () => R | Promise<R>, options: { readonly signal?: AbortSignal } = {}): Promise<R> {
    return this.#run({ isWriter: false }, fn, options.signal)
  }

  /** Runs fn alone. Errors: as read. */
  write<R>(fn: () => R | Promise<R>, options: { readonly signal?: AbortSignal } = {}): Promise<R> {
    return this.#run({ isWriter: true }, fn, options.signal)
  }

  async #run<R>(
    mode: { readonly isWriter: boolean },
    fn: () => R | Promise<R>,
    signal?: AbortSignal,
  ): Promise<R> {
    signal?.throwIfAborted()
    const use = host() === undefined ? undefined : new PendingUse({ name: this.name, kind: 'lock' })
    if (this.#line.length === 0 && this.#canEnter(mode.isWriter)) this.#enter(mode.isWriter)
    else {
      const sinceMs = performance.now()
      await this.#wait(mode.isWriter, signal)
      const agent = host()
      if (agent !== undefined) this.#record.acquired(agent, sinceMs)
    }
    use?.begun()
    const beforeMs = this.#countReaders(0)
    try {
      return await holding(host(), fn)
    } finally {
      use?.over(mode.isWriter ? {} : { load: this.#countReaders(0) - beforeMs })
      this.#leave(mode.isWriter)
    }
  }

  #canEnter(isWriter: boolean): boolean {
    return !this.#isWriting && (!isWriter || this.#readers === 0)
  }

  #enter(isWriter: boolean): void {
    if (isWriter) this.#isWriting = true
    else this.#countReaders(1)
  }

  #leave(isWriter: boolean): void {
    if (isWriter) this.#isWriting = false
    else this.#countReaders(-1)
    const agent = this.#line.length === 0 ? undefined : host()
    if (agent !== undefined) this.#record.released(agent)
    this.#admit()
  }

  /** Gives the time up to now that each of the readers pays. */
  #countReaders(change: number): number {
    const nowMs = performance.now()
    if (this.#readers > 0) this.#readMs += (nowMs - this.#readSinceMs) / this.#readers
    this.#readSinceMs = nowMs
    this.#readers += change
    return this.#readMs
  }

  #admit(): void {
    for (let first = this.#line[0]; first !== undefined; first = this.#line[0]) {
      if (!this.#canEnter(first.isWriter)) return
      this.#line.shift()
      this.#enter(first.isWriter)
      first.grant()
    }
  }

  /** Entered by whoever admits, so between grant and wake-up nobody else can. */
  #wait(isWriter: boolean, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        this.#line = this.#line.filter((place) => place !== mine)
        reject(signal?.reason)
        this.#admit()
      }
      const grant = () => {
        signal?.removeEventListener('abort', giveUp)
        resolve()
      }
      const mine: Place = { isWriter, grant }
      this.#line.push(mine)
      signal?.addEventListener('abort', giveUp, { once: true })
    })
  }
}
