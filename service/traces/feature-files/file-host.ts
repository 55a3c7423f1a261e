// The process of an owner's feature files, from outside: started, and asked one job at a time. One that ended
// does not come back; who wants more starts another (file-hosts.ts).

import { fork, type ChildProcess } from 'node:child_process'
import path from 'node:path'
import { confined } from './confined.ts'
import { FILE_HEAP_MB_MAX, HOST_PROGRAMS_MAX, HOST_SILENCE_MS_MAX } from './limits.ts'
import type { EndReason, FileJob, FileOutcome, FileProgram, FileTold } from './messages.ts'

export type FileAnswer = {
  /** In the order of the programs; shorter = the next one ended the process. */
  readonly outcomes: readonly FileOutcome[]
  readonly cpuMs: number
  readonly ended?: { readonly reason: EndReason; readonly message: string }
}

type Waiting = {
  readonly outcomes: FileOutcome[]
  readonly beganMs: number
  readonly timer: NodeJS.Timeout
  settle(answer: FileAnswer): void
  reject(error: Error): void
}

export class FileHost {
  readonly #child: ChildProcess
  readonly #known = new Set<string>()
  #waiting: Waiting | undefined
  #isOver = false
  #isEnded = false

  constructor() {
    const extension = path.extname(import.meta.filename)
    this.#child = fork(path.join(import.meta.dirname, `file-child${extension}`), {
      serialization: 'advanced',
      execArgv: permissions(),
      // No token, no NODE_OPTIONS; what a file prints goes nowhere.
      env: {},
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    this.#child.on('message', (told: FileTold) => this.#take(told))
    this.#child.on('error', (error) => this.#over(error))
    // Aborted: the allocation that ended it was larger than what its thread may be told of.
    this.#child.on('exit', () => {
      this.#settle({
        reason: 'memory',
        message: `it took more than ${FILE_HEAP_MB_MAX} MB of memory at once`,
      })
      this.#over()
    })
  }

  get isOver(): boolean {
    return this.#isOver || this.#known.size > HOST_PROGRAMS_MAX
  }

  get isBusy(): boolean {
    return this.#waiting !== undefined
  }

  /** Rejects when the process could not be started, or was ended from here. */
  run(programs: readonly FileProgram[], trace?: Uint8Array): Promise<FileAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<FileAnswer>()
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), HOST_SILENCE_MS_MAX)
    this.#waiting = { outcomes: [], beganMs: performance.now(), timer, settle: resolve, reject }
    const fresh = programs.map(({ source, ...program }) =>
      this.#known.has(program.key) || source === undefined ? program : { ...program, source },
    )
    for (const { key } of programs) this.#known.add(key)
    const job: FileJob = { programs: fresh, ...(trace === undefined ? {} : { trace }) }
    if (this.#isOver) this.#over(new Error('the process of feature files is over'))
    else this.#child.send(job, (error) => error !== null && this.#over(error))
    return promise
  }

  end(): void {
    this.#isEnded = true
    this.#child.kill('SIGKILL')
    this.#over(new Error('the process of feature files was ended'))
  }

  #take(told: FileTold): void {
    const waiting = this.#waiting
    if (told.kind === 'outcome') waiting?.outcomes.push(told.outcome)
    else if (told.kind === 'done') this.#settle(undefined, told.cpuMs)
    else if (told.kind === 'ended') this.#settle(told, told.cpuMs)
  }

  /** Without a number from there, CPU is what the clock says. */
  #settle(ended?: FileAnswer['ended'], cpuMs?: number): void {
    const waiting = this.#waiting
    if (waiting === undefined || this.#isEnded) return
    this.#waiting = undefined
    clearTimeout(waiting.timer)
    if (ended !== undefined) this.#isOver = true
    waiting.settle({
      outcomes: waiting.outcomes,
      cpuMs: cpuMs ?? performance.now() - waiting.beganMs,
      ...(ended === undefined ? {} : { ended: { reason: ended.reason, message: ended.message } }),
    })
  }

  #over(error?: Error): void {
    this.#isOver = true
    const waiting = this.#waiting
    this.#waiting = undefined
    clearTimeout(waiting?.timer)
    if (error !== undefined) waiting?.reject(error)
  }
}

/** It reads our own code. */
function permissions(): string[] {
  const root = path.resolve(import.meta.dirname, '../../..')
  return confined([
    path.join(root, 'core', '*'),
    path.join(root, 'service', 'traces', '*'),
    path.join(root, 'package.json'),
  ])
}
