// Nothing of ours reaches the host: with a fault in any hook, an application does what it does without us.
import assert from 'node:assert/strict'
import http from 'node:http'
import { createRequire } from 'node:module'
import { describe, it, mock } from 'node:test'
import { Worker } from 'node:worker_threads'
import { once } from 'node:events'
import { Baggage } from '#baggage'
import { startContext, stopContext } from '#context'
import type { CarrierObserver } from './exchange.ts'
import { installCarriers } from './install.ts'
import { execution, get, pack, serve } from './testing.ts'

const STEPS = [
  'serverStart',
  'serverHead',
  'serverEnd',
  'clientStart',
  'clientResponse',
  'clientEnd',
  'messageSend',
  'messageReceive',
  'messageEnd',
] as const

const undici = (): typeof import('undici') => createRequire(import.meta.url)('undici')

/** A small application that uses all carriers; its visible doings as data. */
async function application(): Promise<unknown> {
  const server = await serve((request, response) => {
    pack('packed')
    response.setHeader('x-own', 'yes')
    response.write('a')
    request.resume()
    request.on('end', () => response.end('b'))
  })
  const gone = await serve(() => {})
  await gone.close()
  const seen: unknown[] = []
  await execution(['t'], async () => {
    const first = await get(server.url, { method: 'POST' }, 'x')
    seen.push(
      first.status,
      first.body,
      first.headers['x-own'],
      Object.keys(first.headers).toSorted(),
      first.trailers,
    )
    const second = await fetch(server.url)
    seen.push(
      second.status,
      await second.text(),
      [...second.headers.keys()].filter((name) => name !== 'crosscut-baggage'),
    )
    const third = await undici().request(server.url)
    seen.push(third.statusCode, await third.body.text())
    seen.push(await get(gone.url).catch((error: unknown) => Reflect.get(Object(error), 'code')))
    seen.push(await fetch(gone.url).catch((error: unknown) => Reflect.get(Object(error), 'message')))
    seen.push(
      await get(server.url, { headers: { 'x-bad': 'a\nb' } }).catch((error: unknown) =>
        Reflect.get(Object(error), 'code'),
      ),
    )
  })
  const worker = new Worker(new URL('./testing-worker.ts', import.meta.url), { workerData: { plain: true } })
  await once(worker, 'message')
  await execution(['t'], async () => {
    worker.postMessage({ kind: 'answer', value: 1 })
    seen.push(await once(worker, 'message'))
  })
  await worker.terminate()
  await server.close()
  return JSON.parse(JSON.stringify(seen))
}

const plain = application()

async function underCarriers(observer: CarrierObserver): Promise<{ seen: unknown; faults: number }> {
  await plain
  startContext('faults-test')
  let faults = 0
  const carriers = installCarriers({
    observer,
    onFault: () => {
      faults++
      throw new Error('even the listener to faults fails')
    },
  })
  try {
    return { seen: await application(), faults }
  } finally {
    carriers.uninstall()
    stopContext('faults-test')
  }
}

describe('an application does the same as without us', () => {
  it('when nothing fails', async () => {
    assert.deepEqual((await underCarriers({})).seen, await plain)
  })

  for (const step of STEPS) {
    it(`when the observer throws in ${step}`, async () => {
      const { seen, faults } = await underCarriers({
        [step]: () => {
          throw new Error(`fault in ${step}`)
        },
      })
      assert.deepEqual(seen, await plain)
      // The worker of this application has no Crosscut, so nothing is ever received from it.
      if (!['messageReceive', 'messageEnd'].includes(step)) assert.ok(faults > 0, 'the fault happened')
    })
  }

  const members: [object, string][] = [
    [Baggage, 'decodeLenient'],
    [Baggage.prototype, 'encode'],
    [Baggage.prototype, 'trim'],
    [Baggage.prototype, 'equals'],
    [http.ServerResponse.prototype, 'addTrailers'],
  ]
  for (const [target, name] of members) {
    it(`when ${name} throws`, async () => {
      await plain
      const original: unknown = Reflect.get(target, name)
      const broken = mock.fn(() => {
        throw new Error(`fault in ${name}`)
      })
      Object.defineProperty(target, name, { value: broken, writable: true, configurable: true })
      try {
        assert.deepEqual((await underCarriers({})).seen, await plain)
      } finally {
        Object.defineProperty(target, name, { value: original, writable: true, configurable: true })
      }
    })
  }
})
