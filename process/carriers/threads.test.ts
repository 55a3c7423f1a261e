// Messages to and from real worker threads: what the listeners get is what was posted; what their frames hold
// came beside it.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { MessageChannel, Worker } from 'node:worker_threads'
import { MAILBOX_BAGGAGE_BYTES_MAX, MAILBOX_SLOTS } from './limits.ts'
import { FROM_WORKER, Mailbox, TO_WORKER } from './mailbox.ts'
import { bag, execution, here, rig } from './testing.ts'

const used = rig()
const script = new URL('./testing-worker.ts', import.meta.url)

describe('a worker', () => {
  let worker: Worker
  beforeEach(async () => {
    worker = new Worker(script)
    await once(worker, 'message')
  })
  afterEach(() => worker.terminate())

  const ask = async (value: unknown): Promise<unknown[]> => {
    worker.postMessage({ kind: 'answer', value })
    return once(worker, 'message')
  }

  it('sees the baggage of the execution that posted, and the message as it was', async () => {
    const [answer] = await execution(['t'], () => ask({ map: new Map([[1, new Date(0)]]) }))
    assert.deepEqual(answer, { seen: ['t'], value: { map: new Map([[1, new Date(0)]]) } })
  })

  it('answers into the execution that asked: what it packed joins at the await', async () => {
    const after = await execution(['t'], async () => {
      await ask(1)
      return here()
    })
    assert.deepEqual(after, ['from-worker', 't'])
  })

  it('serves many executions without mixing them up, listeners included', async () => {
    const heard: string[][] = []
    worker.on('message', () => heard.push(here()))
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        execution(
          [`r${i}`],
          () =>
            new Promise<unknown>((done) => {
              const listen = (answer: { value: number }): void => {
                if (answer.value !== i) return
                worker.off('message', listen)
                done([answer, here()])
              }
              worker.on('message', listen)
              worker.postMessage({ kind: 'answer', value: i })
            }),
        ),
      ),
    )
    results.forEach((result, i) =>
      assert.deepEqual(result, [{ seen: [`r${i}`], value: i }, ['from-worker', `r${i}`]]),
    )
    assert.deepEqual(
      heard.map(String).toSorted(),
      Array.from({ length: 20 }, (_, i) => `from-worker,r${i}`).toSorted(),
    )
  })

  it('posted to outside of executions sees nothing, and nothing of the message before', async () => {
    await execution(['t'], () => ask(1))
    assert.deepEqual(await ask(2), [{ seen: [], value: 2 }])
  })

  it('stays in step when a message cannot be cloned', async () => {
    await execution(['wrong'], async () =>
      assert.throws(() => worker.postMessage(() => {}), { name: 'DataCloneError' }),
    )
    assert.deepEqual(await ask(1), [{ seen: [], value: 1 }])
    assert.deepEqual(await execution(['t'], () => ask(2)), [{ seen: ['t'], value: 2 }])
  })

  it('stays in step when it reads a message synchronously', async () => {
    const [first] = await execution(['a'], async () => {
      worker.postMessage({ kind: 'read-next' })
      execution(['b'], () => worker.postMessage('taken'))
      return once(worker, 'message')
    })
    assert.deepEqual(first, { seen: ['a'], next: 'taken' })
    assert.deepEqual(await execution(['c'], () => ask(3)), [{ seen: ['c'], value: 3 }])
  })

  it('gets transferred ports and buffers as without us', async () => {
    const { port1, port2 } = new MessageChannel()
    const buffer = new ArrayBuffer(8)
    execution(['t'], () => worker.postMessage({ kind: 'port', port: port2, buffer }, [port2, buffer]))
    assert.deepEqual(await once(port1, 'message').then(([message]) => message), 'through the port')
    assert.equal(buffer.byteLength, 0, 'transferred, not copied')
    port1.close()
  })
})

describe('a worker without Crosscut', () => {
  it('sees its messages and nothing else', async () => {
    const worker = new Worker(script, { workerData: { plain: true } })
    await once(worker, 'message')
    const [answer] = await execution(['t'], async () => {
      worker.postMessage({ kind: 'answer', value: 1 })
      return once(worker, 'message')
    })
    assert.deepEqual(answer, { seen: [], value: 1 })
    await worker.terminate()
  })
})

describe('the mailbox', () => {
  const letter = { baggage: bag('x').encode(), traceparent: '00-a', originThread: 0, originToken: 7 }

  it('gives a letter once, to the very message it was written for', () => {
    const mailbox = new Mailbox()
    assert.equal(mailbox.put({ thread: 1, direction: TO_WORKER, sequence: 1 }, letter), 'stored')
    const other = new Mailbox(mailbox.memory)
    assert.equal(other.take({ thread: 1, direction: FROM_WORKER, sequence: 1 }), undefined)
    assert.equal(other.take({ thread: 1, direction: TO_WORKER, sequence: 2 }), undefined)
    assert.deepEqual(other.take({ thread: 1, direction: TO_WORKER, sequence: 1 }), letter)
    assert.equal(other.take({ thread: 1, direction: TO_WORKER, sequence: 1 }), undefined)
  })

  it('loses the oldest letter when more wait than it has slots, and says so', () => {
    const mailbox = new Mailbox()
    const puts = Array.from({ length: MAILBOX_SLOTS + 1 }, (_, i) =>
      mailbox.put({ thread: 1, direction: TO_WORKER, sequence: i + 1 }, letter),
    )
    assert.deepEqual([puts.indexOf('overrun'), puts.at(-1)], [MAILBOX_SLOTS, 'overrun'])
    assert.equal(mailbox.take({ thread: 1, direction: TO_WORKER, sequence: 1 }), undefined)
    assert.notEqual(mailbox.take({ thread: 1, direction: TO_WORKER, sequence: 2 }), undefined)
  })

  it('takes the largest letter and refuses one byte more', () => {
    const mailbox = new Mailbox()
    const put = (bytes: number): string =>
      mailbox.put(
        { thread: 1, direction: TO_WORKER, sequence: 1 },
        { ...letter, baggage: new Uint8Array(bytes).fill(7) },
      )
    assert.equal(put(MAILBOX_BAGGAGE_BYTES_MAX + 1), 'refused')
    assert.equal(put(MAILBOX_BAGGAGE_BYTES_MAX), 'stored')
    assert.equal(
      mailbox.take({ thread: 1, direction: TO_WORKER, sequence: 1 })?.baggage.length,
      MAILBOX_BAGGAGE_BYTES_MAX,
    )
  })
})

describe('the whole file', () => {
  it('ran without a fault of ours', () => {
    assert.equal(used.carriers.counts.hook_failed, 0)
  })
})
