// The server's end of a policy's process: pictures out, wishes back, within time and memory. Who takes too
// long or too much is ended; whoever wants it again starts another.
//
//   new --> loading --> loaded --step--> wishes        PolicyError from `loaded` and `step`
//              +-- too long, broken --> over <-- too long, too much, ended by itself
//
// A process and not a thread: a thread that takes all memory at once takes the server along (ADR 009). A
// mistake costs its policy and nothing else. It has no environment, since secrets stand there, reads our code
// and the folder of its file, writes nothing and starts no program (Node's permission model, as for feature
// files). Its output goes to the server's standard error.

import { fork, type ChildProcess } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { PolicyError, type Wish } from '#control'
import { confined } from '#traces'
import { POLICY_HEAP_MB_MAX, POLICY_LOAD_MS_MAX, POLICY_STEP_MS_MAX } from './limits.ts'
import type { PolicyAnswer, PolicyQuestion } from './policy-child.ts'

type Waiting = {
  resolve(wishes: readonly Wish[]): void
  reject(error: PolicyError): void
  readonly timer: NodeJS.Timeout
}

const ENTRY = fileURLToPath(new URL('./policy-child.ts', import.meta.url))
/** A data folder says of no file what kind of module it is. */
const FLAGS = [`--max-old-space-size=${POLICY_HEAP_MB_MAX}`, '--disable-warning=MODULE_TYPELESS_PACKAGE_JSON']

export class PolicyProcess {
  /** Errors: PolicyError. */
  readonly loaded: Promise<unknown>
  isLoaded = false
  /** Why it answers no more. */
  failure: PolicyError | undefined
  readonly #child: ChildProcess
  #waiting: Waiting | undefined

  constructor(file: string) {
    this.#child = fork(ENTRY, [pathToFileURL(file).href], {
      execArgv: [...FLAGS, ...permissions(file)],
      env: {},
      serialization: 'advanced',
      stdio: ['ignore', 2, 2, 'ipc'],
    })
    this.#child.unref()
    this.#child.channel?.unref()
    this.#child.on('message', (answer: PolicyAnswer) => this.#hear(answer))
    this.#child.on('error', (error) => this.#end(new PolicyError('E_POLICY_LOAD', error.message)))
    this.#child.on('exit', (_code, signal) => this.#end(deathBy(signal)))
    this.loaded = this.#wait(
      POLICY_LOAD_MS_MAX,
      `it was not loaded within ${POLICY_LOAD_MS_MAX} ms: does it loop?`,
    )
    this.loaded.catch(() => {})
  }

  /** One at a time. Errors: PolicyError. */
  step(question: PolicyQuestion): Promise<readonly Wish[]> {
    if (this.failure !== undefined) return Promise.reject(this.failure)
    // Of one that is gone already `exit` tells.
    this.#child.send(question, () => {})
    return this.#wait(
      POLICY_STEP_MS_MAX,
      `a step took longer than ${POLICY_STEP_MS_MAX} ms: it was ended, and what it remembered is gone`,
    )
  }

  close(): void {
    this.#end(new PolicyError('E_POLICY_THREW', 'it was closed'))
  }

  #wait(msMax: number, tooLong: string): Promise<readonly Wish[]> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#end(new PolicyError('E_POLICY_TIMEOUT', tooLong)), msMax)
      timer.unref()
      this.#waiting = { resolve, reject, timer }
    })
  }

  #hear(answer: PolicyAnswer): void {
    if (answer.kind === 'failed') {
      const failure = new PolicyError(answer.code, answer.message)
      return this.isLoaded ? this.#settle((waiting) => waiting.reject(failure)) : this.#end(failure)
    }
    this.isLoaded = true
    this.#settle((waiting) => waiting.resolve(answer.kind === 'wishes' ? answer.wishes : []))
  }

  #end(failure: PolicyError): void {
    this.failure ??= failure
    this.#child.kill('SIGKILL')
    this.#settle((waiting) => waiting.reject(failure))
  }

  #settle(how: (waiting: Waiting) => void): void {
    const waiting = this.#waiting
    if (waiting === undefined) return
    this.#waiting = undefined
    clearTimeout(waiting.timer)
    how(waiting)
  }
}

/** V8 aborts when its heap is full. */
function deathBy(signal: NodeJS.Signals | null): PolicyError {
  return signal === 'SIGABRT'
    ? new PolicyError('E_POLICY_MEMORY', `it took more than ${POLICY_HEAP_MB_MAX} MB`)
    : new PolicyError('E_POLICY_THREW', 'it ended its own process; its last words are in the log')
}

function permissions(file: string): string[] {
  const root = path.resolve(import.meta.dirname, '../..')
  const ours = ['core', 'service/control', 'service/server'].map((folder) => path.join(root, folder, '*'))
  return confined([...ours, path.join(root, 'package.json'), path.join(path.dirname(file), '*')])
}
