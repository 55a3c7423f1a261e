// Who uses libuv's threads, with Node's own modules: files, key derivation, compression.

import assert from 'node:assert/strict'
import { pbkdf2, pbkdf2Sync, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { context, runWith, startContext, stopContext } from '#context'
import { openWorkflow } from '../bags.ts'
import { Meters } from './meters.ts'
import { canLeaveOutPromises } from './thread-pool.ts'

const workflow = openWorkflow()
const detached = <R>(fn: () => R): R => runWith(undefined, fn)
let meters: Meters
const skip = canLeaveOutPromises() ? false : 'this Node has no hooks without promises, so nothing is measured'

before(() => startContext('thread pool'))
after(() => {
  stopContext('thread pool')
})
beforeEach(() => {
  meters = new Meters({ epoch: 1, reads: workflow, detached, isWanted: true })
  meters.enable(() => {})
  meters.named()
})
afterEach(() => meters.disable())

const as = <R>(tenant: string, fn: () => Promise<R>): Promise<R> =>
  detached(() =>
    context.run(context.current(), () => {
      context.update((baggage) => workflow.withTenant(baggage, tenant))
      return fn()
    }),
  )

function told(resource: string) {
  meters.settle()
  const found = meters.usage.told().find(({ name }) => name === resource)
  const { names } = meters.usage.workflows
  const of = (column: ArrayLike<number> | undefined) => (tenant: string) =>
    column?.[names.indexOf(tenant)] ?? 0
  return { kind: found?.kind, count: of(found?.count), wait: of(found?.waitMs), load: of(found?.load) }
}

const derive = (rounds: number) => promisify(pbkdf2)('secret', 'salt', rounds, 32, 'sha256')

test('who comes while all threads are busy waits for those before', { skip }, async () => {
  const greedy = as('greedy', () => Promise.all(Array.from({ length: 8 }, () => derive(60_000))))
  const modest = as('modest', () => derive(10))
  await Promise.all([greedy, modest])
  const pool = told('threadpool')
  assert.equal(pool.kind, 'pool')
  assert.deepEqual([pool.count('greedy'), pool.count('modest')], [8, 1])
  // Two rounds of four before him; each of the second round waited for one.
  const round = pool.load('greedy') / 8
  assert.ok(pool.wait('modest') > round, `${pool.wait('modest')} ms, a round takes ${round} ms`)
  assert.ok(pool.load('greedy') > pool.load('modest'))
})

test(
  'files are the disk as well, answered from memory without waiting; other work is not',
  { skip },
  async () => {
    await as('reader', async () => {
      for (let i = 0; i < 5; i++) await readFile(import.meta.filename)
    })
    await as('deriver', () => derive(1_000))
    const [disk, pool] = [told('disk'), told('threadpool')]
    assert.equal(disk.kind, 'disk')
    // Opened, looked at, read, closed: four each and more; Node 26 does all of it in one piece of work.
    assert.ok(disk.count('reader') >= 5, `${disk.count('reader')}`)
    assert.equal(disk.count('reader'), pool.count('reader'))
    assert.ok(disk.load('reader') > 0 && disk.wait('reader') <= disk.load('reader'))
    assert.deepEqual([disk.count('deriver'), pool.count('deriver')], [0, 1])
  },
)

test('what is computed here and now takes no thread, however often', { skip }, async () => {
  await as('caller', async () => {
    for (let i = 0; i < 11_000; i++) randomBytes(8)
    const whole = derive(10)
    pbkdf2Sync('secret', 'salt', 10, 32, 'sha256')
    await whole
  })
  const pool = told('threadpool')
  assert.equal(pool.count('caller'), 1)
  assert.ok(pool.wait('caller') < pool.load('caller') + 1, `${pool.wait('caller')} ms`)
})

test('each write of a compressing stream is one use, and a stream goes on as it was', { skip }, async () => {
  const zipped = await as('packer', () => promisify(gzip)(Buffer.alloc(2_000_000, 'crosscut')))
  assert.ok(zipped.length > 100 && zipped.length < 100_000)
  const pool = told('threadpool')
  assert.ok(pool.count('packer') >= 1)
  assert.ok(pool.load('packer') > 0)
})

test('switched off nothing is looked at', async () => {
  meters.disable()
  await as('reader', () => readFile(import.meta.filename))
  assert.equal(told('threadpool').kind, undefined)
})
