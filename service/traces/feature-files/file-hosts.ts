// Processes of feature files by owner: started when there is work, ended when there is none, replaced when a
// file ended its own.
//
//   run(owner, programs, trace) -> outcomes, one a program
//       a program that ends the process has failed; those after it run in the next process
//
// Owner: the feature worker. It asks one thing an owner at a time, and FILE_HOSTS_RUNNING_MAX at once.

import { serialize } from 'node:v8'
import type { Trace } from '#model'
import { FILE_HOSTS_MAX, HOST_IDLE_MS } from './limits.ts'
import type { EndReason, FileOutcome, FileProgram } from './messages.ts'
import { FileHost } from './file-host.ts'

export type FileResult = {
  readonly outcomes: readonly FileOutcome[]
  readonly cpuMs: number
  /** Why a process was ended, each time. */
  readonly ends: readonly EndReason[]
}

type Entry = { readonly host: FileHost; timer: NodeJS.Timeout | undefined }

export class FileHosts {
  /** The one that waited longest first. */
  readonly #hosts = new Map<string, Entry>()
  readonly counts: Record<EndReason, number> = { cpu: 0, memory: 0, time: 0, crash: 0 }

  get size(): number {
    return this.#hosts.size
  }

  /** Rejects when no process could be started, or all were ended from here. */
  async run(owner: string, programs: readonly FileProgram[], trace: Trace): Promise<FileResult> {
    const bytes = serialize(trace)
    const outcomes: FileOutcome[] = []
    const ends: EndReason[] = []
    let cpuMs = 0
    while (outcomes.length < programs.length) {
      const left = programs.slice(outcomes.length)
      const answer = await this.#ask(owner, (host) => host.run(left, bytes))
      outcomes.push(...answer.outcomes)
      cpuMs += answer.cpuMs
      if (answer.ended === undefined) continue
      const { reason, message } = answer.ended
      this.counts[reason]++
      ends.push(reason)
      const culprit = left[answer.outcomes.length]
      if (culprit === undefined) continue
      const told = answer.outcomes.reduce((sum, one) => sum + one.cpuMs, 0)
      const spentMs = Math.max(0, answer.cpuMs - told)
      outcomes.push({ kind: 'failed', message: `${culprit.name} ${message}`, cpuMs: spentMs })
    }
    return { outcomes, cpuMs, ends }
  }

  close(): void {
    for (const { host, timer } of this.#hosts.values()) {
      clearTimeout(timer)
      host.end()
    }
    this.#hosts.clear()
  }

  async #ask<T>(owner: string, ask: (host: FileHost) => Promise<T>): Promise<T> {
    const entry = this.#take(owner)
    try {
      return await ask(entry.host)
    } finally {
      if (entry.host.isOver) this.#drop(owner, entry)
      else {
        entry.timer = setTimeout(() => this.#drop(owner, entry), HOST_IDLE_MS)
        entry.timer.unref()
      }
    }
  }

  #take(owner: string): Entry {
    const known = this.#hosts.get(owner)
    if (known !== undefined) {
      clearTimeout(known.timer)
      this.#hosts.delete(owner)
      this.#hosts.set(owner, known)
      return known
    }
    for (const [other, entry] of this.#hosts) {
      if (this.#hosts.size < FILE_HOSTS_MAX) break
      if (!entry.host.isBusy) this.#drop(other, entry)
    }
    const entry: Entry = { host: new FileHost(), timer: undefined }
    this.#hosts.set(owner, entry)
    return entry
  }

  #drop(owner: string, { host, timer }: Entry): void {
    clearTimeout(timer)
    if (this.#hosts.get(owner)?.host === host) this.#hosts.delete(owner)
    host.end()
  }
}
