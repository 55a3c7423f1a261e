// libuv's thread pool: who uses it, how long each waits for a thread, and the disk behind it.
//
//   fs, dns.lookup, crypto ── init ──► [ waiting ] ──► UV_THREADPOOL_SIZE threads ── before ──► the callback
//   zlib, each write ─────────write──►                                            └► `threadpool`, `disk`
//
// Node tells when a request is made (async_hooks, init) and when its answer is taken up (before), not when a
// thread takes it; as threads take the oldest first, that follows (SlotTimes). An answer lies until the loop
// gets to it: a loop that is busy makes both times longer than they were.
//
// disk: Retro's model of an unhurried one. Only requests of 5 ms or more meet the device, all others are
// answered by caches: one seek each, and the bytes that the system moved for this process.
//
//   service = min(t, seek)      wait = the rest, less what its bytes take of any disk      load = t
//
// `before` is called at every callback and tick of the process, so it is listened to only where requests
// come: from one that is made until a second without any.
//
// Promises are not looked at; where they cannot be left out (Node 22) nothing of this is measured, for a hook
// on each promise costs more than all of it tells.

import { createHook, type AsyncHook } from 'node:async_hooks'
import { currentFrame } from '#context'
import { SlotTimes, type SlotJob } from '#fair'
import { useOf } from './columns.ts'
import {
  DISK_BYTES_PER_MS,
  DISK_SEEK_MS,
  THREAD_REQUESTS_MAX,
  THREADS_DEFAULT,
  THREADS_MAX,
} from './limits.ts'
import type { Payer } from './payers.ts'
import type { Usage } from './usage.ts'

/**
 * Who uses a thread, by the type of its resource; a name that a version of Node does not have is never asked
 * for. `job`: of Node's crypto, those that are done here and now among them. `stream`: a handle that uses a
 * thread at each write.
 */
const USES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    FSREQCALLBACK: 'file',
    FSREQPROMISE: 'file',
    FILEHANDLECLOSEREQ: 'file',
    GETADDRINFOREQWRAP: 'name',
    GETNAMEINFOREQWRAP: 'name',
    PBKDF2REQUEST: 'job',
    SCRYPTREQUEST: 'job',
    HKDFREQUEST: 'job',
    RANDOMBYTESREQUEST: 'job',
    RANDOMPRIMEREQUEST: 'job',
    CHECKPRIMEREQUEST: 'job',
    KEYPAIRGENREQUEST: 'job',
    KEYGENREQUEST: 'job',
    KEYEXPORTREQUEST: 'job',
    SIGNREQUEST: 'job',
    CIPHERREQUEST: 'job',
    DERIVEBITSREQUEST: 'job',
    HASHREQUEST: 'job',
    ZLIB: 'stream',
  }),
)

type Asked = { readonly id: number; readonly payer: Payer; readonly isFile: boolean; readonly atMs: number }
type Request = Asked & { readonly job: SlotJob }

export class ThreadPoolMeter {
  readonly #usage: Usage
  readonly #made: AsyncHook
  readonly #answers: AsyncHook
  #isListening = false
  /** Since the last second ended. */
  #wasAsked = false
  readonly #slots = new SlotTimes(threadsOf(process.env['UV_THREADPOOL_SIZE']))
  readonly #requests = new Map<number, Request>()
  /** The last job: whether it goes to a thread can be seen once it was begun, so at whatever comes next. */
  #unsure: { readonly asked: Asked; readonly job: object } | undefined
  /** Of what slow requests took beyond a seek, the part that is waiting; by the last second. */
  #waiting = 1
  #beyondSeekMs = 0
  #blocks = blocksMoved()

  constructor(usage: Usage) {
    this.#usage = usage
    this.#made = createHook({
      init: (id, type, _trigger, resource) => {
        const use = USES.get(type)
        if (use !== undefined) this.#guard(() => this.#init(id, use, resource))
      },
      ...WITHOUT_PROMISES,
    })
    this.#answers = createHook({
      before: (id) => {
        if (this.#requests.size > 0 || this.#unsure !== undefined) this.#guard(() => this.#answered(id))
      },
      ...WITHOUT_PROMISES,
    })
  }

  /** Requests that were made before are not seen. */
  start(): void {
    if (canLeaveOutPromises()) this.#made.enable()
  }

  stop(): void {
    this.#made.disable()
    this.#listen(false)
    for (const { job } of this.#requests.values()) this.#slots.leave(job, performance.now())
    this.#requests.clear()
    this.#unsure = undefined
  }

  /** Once a second: how much of the time beyond seeks was moving bytes. */
  settle(): void {
    const blocks = blocksMoved()
    const transferMs = ((blocks - this.#blocks) * BLOCK_BYTES) / DISK_BYTES_PER_MS
    this.#waiting = this.#beyondSeekMs > transferMs ? 1 - transferMs / this.#beyondSeekMs : 0
    this.#beyondSeekMs = 0
    this.#blocks = blocks
    this.#decide()
    if (this.#wasAsked || this.#requests.size > 0) this.#wasAsked = false
    else this.#listen(false)
  }

  #listen(isWanted: boolean): void {
    if (isWanted === this.#isListening) return
    this.#isListening = isWanted
    if (isWanted) this.#answers.enable()
    else this.#answers.disable()
  }

  /** What a hook throws ends the process, so after a fault of ours nothing is looked at any more. */
  #guard(step: () => void): void {
    try {
      step()
    } catch {
      this.stop()
    }
  }

  #init(id: number, use: string, resource: object): void {
    if (use === 'stream') this.#watchWrites(id, resource)
    else this.#asked(id, use === 'file', use === 'job' ? resource : undefined)
  }

  #asked(id: number, isFile: boolean, job?: object): void {
    this.#decide()
    if (this.#requests.size >= THREAD_REQUESTS_MAX || this.#requests.has(id)) return
    this.#listen(true)
    const asked = { id, isFile, payer: this.#usage.payerOf(currentFrame()), atMs: performance.now() }
    if (job === undefined) this.#enter(asked)
    else this.#unsure = { asked, job }
  }

  #decide(): void {
    const unsure = this.#unsure
    if (unsure === undefined) return
    this.#unsure = undefined
    if (typeof Reflect.get(unsure.job, 'ondone') === 'function') this.#enter(unsure.asked)
  }

  #enter(asked: Asked): void {
    this.#wasAsked = true
    this.#requests.set(asked.id, { ...asked, job: this.#slots.enter(asked.atMs) })
  }

  /** A method of its own on a handle that we saw being made; it goes with the handle. */
  #watchWrites(id: number, handle: object): void {
    const write: unknown = Reflect.get(handle, 'write')
    if (typeof write !== 'function') return
    const asked = () => this.#guard(() => this.#asked(id, false))
    Reflect.set(handle, 'write', function (this: unknown, ...rest: unknown[]) {
      asked()
      return Reflect.apply(write, this, rest)
    })
  }

  #answered(id: number): void {
    this.#decide()
    const request = this.#requests.get(id)
    if (request === undefined) return
    this.#requests.delete(id)
    const { waitMs, serviceMs } = this.#slots.leave(request.job, performance.now())
    const pool = this.#usage.resource('threadpool', 'pool')
    if (pool !== undefined) this.#usage.charge(pool, request.payer, useOf(waitMs, serviceMs))
    if (!request.isFile) return
    const disk = this.#usage.resource('disk', 'disk')
    if (disk === undefined) return
    const beyondMs = Math.max(0, serviceMs - DISK_SEEK_MS)
    this.#beyondSeekMs += beyondMs
    const waitedMs = beyondMs * this.#waiting
    this.#usage.charge(disk, request.payer, useOf(waitedMs, serviceMs - waitedMs, serviceMs))
  }
}

/** As getrusage counts them, whatever the disk's own are. */
const BLOCK_BYTES = 512

function blocksMoved(): number {
  const { fsRead, fsWrite } = process.resourceUsage()
  return fsRead + fsWrite
}

/** Known to Node 24 and later; a spread, for the types of Node do not have it. */
const WITHOUT_PROMISES = { trackPromises: false }

/** Where the option is known it excludes another one. */
export function canLeaveOutPromises(): boolean {
  try {
    createHook({ promiseResolve() {}, ...WITHOUT_PROMISES })
    return false
  } catch {
    return true
  }
}

/** As libuv reads it. */
function threadsOf(given: string | undefined): number {
  const threads = Number.parseInt(given ?? '', 10)
  return Number.isNaN(threads) ? THREADS_DEFAULT : Math.min(THREADS_MAX, Math.max(1, threads))
}
