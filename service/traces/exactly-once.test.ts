// Kill -9 of the process that owns log, store and worker, and of the store child, at random moments while
// batches come in: every acked span is in the store once, and every summary counts them. CROSSCUT_TEST_KILLS
// makes it longer.

import assert from 'node:assert/strict'
import { fork, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { nodeClock } from '#log'
import { seededRandom } from '#base'
import { openStore } from '#store'
import { SPANS_PER_TRACE, TRACES_PER_BATCH } from './exactly-once-batches.fixture.ts'
import { openTraceReader } from './store-trace-reader.ts'

const KILLS = Number(process.env['CROSSCUT_TEST_KILLS'] ?? 5)
const BATCHES_PER_KILL = 30

type Answer = {
  readonly acked?: number
  readonly settled?: boolean
  readonly started?: boolean
  readonly storePid?: number
}

/** The owner process, started again after each kill; a client keeps sending what was not acked. */
class Owner {
  readonly #dir: string
  readonly #unacked = new Set<number>()
  #process: ChildProcess | undefined
  #waiting: ((answer: Answer) => void)[] = []

  constructor(dir: string) {
    this.#dir = dir
  }

  async start(): Promise<void> {
    this.#process = fork(
      fileURLToPath(new URL('./exactly-once-owner.fixture.ts', import.meta.url)),
      [this.#dir],
      {
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      },
    )
    this.#process.on('message', (answer: Answer) => {
      if (answer.acked !== undefined) this.#unacked.delete(answer.acked)
      for (const waiting of this.#waiting) waiting(answer)
    })
    await this.until((answer) => answer.started === true)
    for (const n of this.#unacked) this.#process.send({ append: n })
  }

  append(n: number): void {
    this.#unacked.add(n)
    this.#process?.send({ append: n })
  }

  async until(isIt: (answer: Answer) => boolean): Promise<Answer> {
    return await new Promise((resolve) => {
      const waiting = (answer: Answer): void => {
        if (!isIt(answer)) return
        this.#waiting = this.#waiting.filter((other) => other !== waiting)
        resolve(answer)
      }
      this.#waiting.push(waiting)
    })
  }

  async ask(
    question: { settle?: boolean; storePid?: boolean },
    isIt: (answer: Answer) => boolean,
  ): Promise<Answer> {
    const answer = this.until(isIt)
    this.#process?.send(question)
    return await answer
  }

  async allAcked(): Promise<void> {
    while (this.#unacked.size > 0) await new Promise((resolve) => setTimeout(resolve, 10))
  }

  async kill(): Promise<void> {
    const owner = this.#process
    if (owner === undefined) return
    this.#process = undefined
    const gone = new Promise((resolve) => owner.once('exit', resolve))
    owner.kill('SIGKILL')
    await gone
  }
}

describe('exactly once', () => {
  it(
    'no acked span is lost and none doubled when processes are killed at random',
    { timeout: 120_000 },
    async (t) => {
      const seed = Number(process.env['CROSSCUT_TEST_SEED'] ?? 20260101)
      t.diagnostic(`seed ${seed}`)
      const random = seededRandom(seed)
      const upTo = (max: number): number => random.uint32() % max
      const dir = mkdtempSync(join(tmpdir(), 'crosscut-once-'))
      const owner = new Owner(dir)
      let next = 0
      try {
        await owner.start()
        for (let kill = 0; kill < KILLS; kill++) {
          for (let i = 0; i < BATCHES_PER_KILL; i++) {
            owner.append(next++)
            if (upTo(3) === 0) await new Promise((resolve) => setTimeout(resolve, upTo(40)))
          }
          await new Promise((resolve) => setTimeout(resolve, upTo(1500)))
          if (kill % 2 === 0) {
            await owner.kill()
            await owner.start()
          } else {
            const { storePid } = await owner.ask({ storePid: true }, (answer) => 'storePid' in answer)
            if (storePid !== undefined && storePid !== 0) process.kill(storePid, 'SIGKILL')
          }
        }
        await owner.allAcked()
        await owner.ask({ settle: true }, (answer) => answer.settled === true)
        await owner.kill()
        await assertComplete(dir, next)
      } finally {
        await owner.kill()
        rmSync(dir, { recursive: true, force: true })
      }
    },
  )
})

async function assertComplete(dir: string, batches: number): Promise<void> {
  const store = openStore({ dir: join(dir, 'store') })
  try {
    // The last group has only its first half.
    const full = (batches - 1) * TRACES_PER_BATCH * SPANS_PER_TRACE + (TRACES_PER_BATCH * SPANS_PER_TRACE) / 2
    const [counted] = await store.query(
      'SELECT count() AS n, uniqExact(trace_id, span_id) AS unique FROM spans',
    )
    assert.deepEqual(
      { rows: Number(counted?.['n']), spans: Number(counted?.['unique']) },
      { rows: full, spans: full },
    )
    const reader = openTraceReader(store, nodeClock)
    const counts = new Map<string, number>()
    let cursor: string | undefined
    do {
      const page = await reader.search({ limit: 100, cursor })
      for (const { traceId, spanCount } of page.traces) {
        assert.ok(!counts.has(traceId), `${traceId} is on two pages`)
        counts.set(traceId, spanCount)
      }
      cursor = page.nextCursor
    } while (cursor !== undefined)
    assert.equal(counts.size, batches * TRACES_PER_BATCH)
    const last = (batches - 1) * TRACES_PER_BATCH
    for (const [traceId, spanCount] of counts) {
      assert.equal(spanCount, parseInt(traceId, 16) > last ? SPANS_PER_TRACE / 2 : SPANS_PER_TRACE, traceId)
    }
  } finally {
    await store.close()
  }
}
