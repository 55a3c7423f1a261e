// The table of Node's execution models: who opened the resource (A), whose callback is observed (B), and what
// the callback sees.
//
//   sees 'B'        right: the callback belongs to B, who handed it over
//   sees 'A', '-'   the opener's or emitter's context, or none: has a remedy, which is run too and must see B
//
// docs/reference/execution-models.md holds the same rows with their reasons; the last test compares the two.
// Source: the matrix of the execution models spec, section 2 (44 patterns, of which plain AsyncLocalStorage
// has 20 right).

/* oxlint-disable unicorn/no-unnecessary-await -- an await of nothing is a turn of the microtask queue */
import assert from 'node:assert/strict'
import { AsyncResource } from 'node:async_hooks'
import { fork } from 'node:child_process'
import { EventEmitter, on, once } from 'node:events'
import { readFile, readFileSync } from 'node:fs'
import { Agent, createServer, get, request, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect, createServer as createTcpServer, type AddressInfo } from 'node:net'
import { finished, PassThrough, pipeline, Readable } from 'node:stream'
import { after, before, describe, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { BroadcastChannel, MessageChannel, Worker } from 'node:worker_threads'
import { gzip } from 'node:zlib'
import { contextFaults } from './index.ts'
import { seen, words } from './oracle/labels.ts'
import { context } from './public.ts'

before(() => context.start())
after(() => {
  context.stop()
  assert.equal(contextFaults(), 0)
})

type Observe = (who?: string) => void
/** Gives B's callback to the primitive; `observe` is called in it. `bind` is the remedy, or the identity. */
type Scenario = (observe: Observe, bind: <F extends Function>(fn: F) => F) => unknown
type Row = {
  readonly model: string
  readonly sees: 'A' | 'B' | '-'
  readonly remedy?: string
  readonly run: Scenario
}

const inA = <R>(fn: () => R): R => context.run(words('A'), fn)
const inB = <R>(fn: () => R): R => context.run(words('B'), fn)
const who = (): string => seen() || '-'

const rows: readonly Row[] = [
  // Events
  {
    model: 'EventEmitter: added by B, emitted by A',
    sees: 'A',
    remedy: "emitter.on('event', context.bind(fn))",
    run: (observe, bind) => {
      const emitter = new EventEmitter()
      inB(() =>
        emitter.on(
          'event',
          bind(() => observe()),
        ),
      )
      inA(() => emitter.emit('event'))
    },
  },
  {
    model: 'EventTarget: added by B, dispatched by A',
    sees: 'A',
    remedy: "target.addEventListener('event', context.bind(fn))",
    run: (observe, bind) => {
      const target = new EventTarget()
      inB(() =>
        target.addEventListener(
          'event',
          bind(() => observe()),
        ),
      )
      inA(() => target.dispatchEvent(new Event('event')))
    },
  },
  {
    model: 'AbortSignal: listened to by B, aborted by A',
    sees: 'A',
    remedy: "signal.addEventListener('abort', context.bind(fn))",
    run: (observe, bind) => {
      const controller = new AbortController()
      inB(() =>
        controller.signal.addEventListener(
          'abort',
          bind(() => observe()),
        ),
      )
      inA(() => controller.abort())
    },
  },
  {
    model: 'events.once, awaited by B, emitted by A',
    sees: 'B',
    run: async (observe) => {
      const emitter = new EventEmitter()
      const waiting = inB(async () => {
        await once(emitter, 'event')
        observe()
      })
      inA(() => emitter.emit('event'))
      await waiting
    },
  },
  {
    model: 'events.on, iterated by B, emitted by A',
    sees: 'B',
    run: async (observe) => {
      const emitter = new EventEmitter()
      const waiting = inB(async () => {
        for await (const _ of on(emitter, 'event')) return observe()
      })
      inA(() => emitter.emit('event'))
      await waiting
    },
  },
  // Streams
  {
    model: "stream 'data': listened to by B, fed by A",
    sees: 'B',
    run: (observe) => {
      const stream = inA(() => new PassThrough())
      const heard = inB(
        () =>
          new Promise<void>((resolve) =>
            stream.once('data', () => {
              observe()
              resolve()
            }),
          ),
      )
      inA(() => stream.write('x'))
      return heard
    },
  },
  {
    model: 'stream, for await by B, fed by A',
    sees: 'B',
    run: async (observe) => {
      const stream = inA(() => Readable.from(['x']))
      await inB(async () => {
        for await (const _ of stream) observe()
      })
    },
  },
  {
    model: 'stream.finished callback of B, stream of A',
    sees: 'B',
    run: (observe) => {
      const stream = inA(() => new PassThrough().resume())
      const ended = inB(
        () =>
          new Promise<void>((resolve) =>
            finished(stream, () => {
              observe()
              resolve()
            }),
          ),
      )
      inA(() => stream.end())
      return ended
    },
  },
  {
    model: 'stream.pipeline callback of B, streams of A',
    sees: 'B',
    run: (observe) => {
      const [source, target] = inA(() => [new PassThrough(), new PassThrough().resume()] as const)
      const ended = inB(
        () =>
          new Promise<void>((resolve) =>
            pipeline(source, target, () => {
              observe()
              resolve()
            }),
          ),
      )
      inA(() => source.end('x'))
      return ended
    },
  },
  {
    model: 'web TransformStream built by A, written by B',
    sees: 'A',
    remedy: 'read and write with await; transform() belongs to its builder',
    run: async (observe, bind) => {
      const isRemedy = bind !== same
      const stream = inA(
        () =>
          new TransformStream({
            transform: (chunk, controller) => {
              if (!isRemedy) observe()
              controller.enqueue(chunk)
            },
          }),
      )
      await inB(async () => {
        void stream.writable.getWriter().write('x')
        await stream.readable.getReader().read()
        if (isRemedy) observe()
      })
    },
  },
  // HTTP
  ...httpServerEvents(),
  {
    model: 'http.Agent, one socket, B queued behind A',
    sees: 'B',
    run: async (observe) => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      await withServer(
        (_request, response) => response.end('x'),
        async (port) => {
          const ask = (done: () => void): Promise<void> =>
            new Promise((resolve, reject) => {
              get({ port, agent, host: '127.0.0.1' }, (response) => {
                done()
                response.resume().on('end', () => resolve())
              }).on('error', reject)
            })
          await Promise.all([inA(() => ask(() => {})), inB(() => ask(observe))])
        },
      )
      agent.destroy()
    },
  },
  {
    model: 'multiplexed TCP client of A with a table of callbacks, request of B',
    sees: 'A',
    remedy: 'table.set(id, context.bind(fn)) when sending',
    run: async (observe, bind) => {
      const server = createTcpServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1')
      await once(server, 'listening')
      const callbacks: (() => void)[] = []
      const socket = inA(() =>
        connect(portOf(server.address()), '127.0.0.1').on('data', () => callbacks.shift()?.()),
      )
      await inB(
        () =>
          new Promise<void>((resolve) => {
            callbacks.push(
              bind(() => {
                observe()
                resolve()
              }),
            )
            socket.write('x')
          }),
      )
      socket.destroy()
      server.close()
    },
  },
  // Time and callbacks
  {
    model: 'setTimeout, setImmediate, nextTick, queueMicrotask of B',
    sees: 'B',
    run: (observe) =>
      inB(() =>
        Promise.all(
          [setTimeout, setImmediate, process.nextTick, queueMicrotask].map(
            (schedule) =>
              new Promise<void>((resolve) => {
                schedule(() => {
                  observe()
                  resolve()
                })
              }),
          ),
        ),
      ),
  },
  {
    model: 'setInterval started by A, on behalf of all',
    sees: 'A',
    remedy: 'start it outside every request, or run each job with context.run',
    run: async (observe, bind) => {
      const isRemedy = bind !== same
      await new Promise<void>((resolve) =>
        inA(() => {
          const interval = setInterval(() => {
            clearInterval(interval)
            if (isRemedy) inB(() => observe())
            else observe()
            resolve()
          }, 1)
        }),
      )
    },
  },
  {
    model: 'callbacks of fs and zlib',
    sees: 'B',
    run: (observe) =>
      inB(() =>
        Promise.all([
          new Promise<void>((resolve) =>
            readFile(import.meta.filename, () => {
              observe()
              resolve()
            }),
          ),
          new Promise<void>((resolve) =>
            gzip('x', () => {
              observe()
              resolve()
            }),
          ),
        ]),
      ),
  },
  {
    model: 'AsyncResource made by B, run by A',
    sees: 'B',
    run: (observe) => {
      const resource = inB(() => new AsyncResource('job'))
      inA(() => resource.runInAsyncScope(() => observe()))
    },
  },
  // Hand-written
  {
    model: 'hand-written queue, drained by a timer started at start',
    sees: '-',
    remedy: 'queue.push(context.bind(job))',
    run: async (observe, bind) => {
      const queue: (() => void)[] = []
      await new Promise<void>((resolve) => {
        const drain = setInterval(() => {
          const job = queue.shift()
          if (job === undefined) return
          clearInterval(drain)
          job()
          resolve()
        }, 1)
        inB(() => queue.push(bind(() => observe())))
      })
    },
  },
  {
    model: 'hand-written queue, drained by the loop of A',
    sees: 'A',
    remedy: 'queue.push(context.bind(job))',
    run: async (observe, bind) => {
      const queue: (() => void)[] = []
      const loop = inA(async () => {
        await new Promise((resolve) => setTimeout(resolve, 1))
        for (const job of queue) job()
      })
      inB(() => queue.push(bind(() => observe())))
      await loop
    },
  },
  {
    model: 'hand-written batcher, first enqueued by A: callback of B',
    sees: 'A',
    remedy: 'callbacks.push(context.bind(fn))',
    run: async (observe, bind) => {
      const batch: (() => void)[] = []
      const done = new Promise<void>((resolve) => {
        const enqueue = (fn: () => void): void => {
          if (batch.push(fn) === 1)
            process.nextTick(() => {
              for (const callback of batch) callback()
              resolve()
            })
        }
        inA(() => enqueue(() => {}))
        inB(() => enqueue(bind(() => observe())))
      })
      await done
    },
  },
  {
    model: 'hand-written batcher, first enqueued by A: await of B',
    sees: 'B',
    run: async (observe) => {
      const batch: (() => void)[] = []
      const enqueue = (): Promise<void> =>
        new Promise((resolve) => {
          if (batch.push(resolve) === 1) process.nextTick(() => batch.forEach((settle) => settle()))
        })
      await Promise.all([
        inA(enqueue),
        inB(async () => {
          await enqueue()
          observe()
        }),
      ])
    },
  },
  {
    model: 'single-flight promise begun by A, awaited by B',
    sees: 'B',
    run: async (observe) => {
      const flight = inA(async () => {
        await null
      })
      await inB(async () => {
        await flight
        observe()
      })
    },
  },
  // Ports, workers, processes
  {
    model: 'MessagePort.on: listened to by B',
    sees: '-',
    remedy: "port.on('message', context.bind(fn))",
    run: async (observe, bind) => {
      const { port1, port2 } = new MessageChannel()
      await inB(
        () =>
          new Promise<void>((resolve) => {
            port2.on(
              'message',
              bind(() => {
                observe()
                resolve()
              }),
            )
            port1.postMessage(0)
          }),
      )
      port1.close()
    },
  },
  {
    model: 'BroadcastChannel.onmessage of B',
    sees: '-',
    remedy: 'channel.onmessage = context.bind(fn)',
    run: async (observe, bind) => {
      const [from, to] = [new BroadcastChannel('x'), new BroadcastChannel('x')]
      await inB(
        () =>
          new Promise<void>((resolve) => {
            to.onmessage = bind(() => {
              observe()
              resolve()
            })
            from.postMessage(0)
          }),
      )
      from.close()
      to.close()
    },
  },
  {
    model: 'Worker of A, message listener of B',
    sees: 'A',
    remedy: "worker.on('message', context.bind(fn))",
    run: async (observe, bind) => {
      const worker = inA(
        () =>
          new Worker(
            'const { parentPort } = require("node:worker_threads")\n' +
              'parentPort.once("message", (message) => parentPort.postMessage(message))',
            { eval: true },
          ),
      )
      await inB(
        () =>
          new Promise<void>((resolve) => {
            worker.once(
              'message',
              bind(() => {
                observe()
                resolve()
              }),
            )
            worker.postMessage(0)
          }),
      )
      await worker.terminate()
    },
  },
  {
    model: 'Worker of A, reply awaited by B with events.once',
    sees: 'B',
    run: async (observe) => {
      const worker = inA(
        () => new Worker('require("node:worker_threads").parentPort.postMessage(0)', { eval: true }),
      )
      await inB(async () => {
        await once(worker, 'message')
        observe()
      })
      await worker.terminate()
    },
  },
  {
    model: 'child process of A, message listener of B',
    sees: 'A',
    remedy: "child.on('message', context.bind(fn))",
    run: async (observe, bind) => {
      const child = inA(() => fork('-e', ['process.send(0)'], { execPath: process.execPath, execArgv: [] }))
      await inB(
        () =>
          new Promise<void>((resolve) =>
            child.once(
              'message',
              bind(() => {
                observe()
                resolve()
              }),
            ),
          ),
      )
      child.kill()
    },
  },
  // Leftovers
  {
    model: 'FinalizationRegistry callback, registered by B',
    sees: '-',
    remedy: 'new FinalizationRegistry(context.bind(fn)); better none',
    run: async (observe, bind) => {
      const collect = collector()
      await new Promise<void>((resolve) => {
        const registry = inB(
          () =>
            new FinalizationRegistry<number>(
              bind(() => {
                observe()
                resolve()
              }),
            ),
        )
        const drop = (): void => registry.register({}, 0)
        drop()
        const again = setInterval(collect, 5)
        void Promise.resolve(registry).finally(() => setTimeout(() => clearInterval(again), 500))
      })
    },
  },
  {
    model: 'unhandledRejection of B, handler added at start',
    sees: 'B',
    run: async (observe) => {
      const theirs = process.listeners('unhandledRejection')
      process.removeAllListeners('unhandledRejection')
      await new Promise<void>((resolve) => {
        process.once('unhandledRejection', () => {
          observe()
          resolve()
        })
        inB(() => void Promise.reject(new Error('expected')))
      })
      for (const listener of theirs) process.on('unhandledRejection', listener)
    },
  },
]

const same = <F extends Function>(fn: F): F => fn

/** V8 is asked for its collector by flag, so that the row runs without --expose-gc. */
function collector(): () => void {
  setFlagsFromString('--expose-gc')
  const gc: unknown = runInNewContext('gc')
  assert.ok(typeof gc === 'function')
  return () => void gc()
}

function portOf(address: string | AddressInfo | null): number {
  assert.ok(typeof address === 'object' && address !== null)
  return address.port
}

async function withServer(
  handler: (request: IncomingMessage, response: ServerResponse) => void,
  use: (port: number) => Promise<unknown>,
): Promise<void> {
  const server = createServer(handler).listen(0, '127.0.0.1')
  await once(server, 'listening')
  await use(portOf(server.address()))
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
}

function httpServerEvents(): Row[] {
  const events: { side: 'request' | 'response'; event: string }[] = [
    { side: 'request', event: 'data' },
    { side: 'request', event: 'end' },
    { side: 'request', event: 'close' },
    { side: 'response', event: 'finish' },
    { side: 'response', event: 'close' },
  ]
  return events.map(({ side, event }) => ({
    model: `http server: ${side} '${event}', handler of B`,
    sees: 'B',
    run: async (observe) => {
      let happened: Promise<void> | undefined
      await withServer(
        (incoming, response) =>
          inB(() => {
            const emitter = side === 'request' ? incoming : response
            happened = new Promise((resolve) =>
              emitter.once(event, () => {
                observe()
                resolve()
              }),
            )
            incoming.resume().on('end', () => response.end('x'))
          }),
        async (port) => {
          const outgoing = request({
            port,
            host: '127.0.0.1',
            method: 'POST',
            headers: { connection: 'close' },
          })
          outgoing.end('body')
          const [incoming] = await once(outgoing, 'response')
          for await (const _ of incoming) continue
          await happened
        },
      )
    },
  }))
}

async function observed(run: Scenario, bind: <F extends Function>(fn: F) => F): Promise<string> {
  const all = new Set<string>()
  await run(() => void all.add(who()), bind)
  return [...all].join()
}

describe('what a callback of B sees', () => {
  for (const { model, sees, remedy, run } of rows) {
    test(model, { timeout: 10_000 }, async () => {
      assert.equal(await observed(run, same), sees)
      if (remedy !== undefined) assert.equal(await observed(run, context.bind), 'B', remedy)
    })
  }

  test('the reference has exactly these rows', () => {
    const text = readFileSync(new URL('../../docs/reference/execution-models.md', import.meta.url), 'utf8')
    const documented = [...text.matchAll(/^\| ([^|]+?) \| ([AB-]) \| (.*?) ?\|$/gm)].map((row) => ({
      model: row[1]?.replaceAll('`', ''),
      sees: row[2],
      remedy: row[3]?.replaceAll('`', '').trim(),
    }))
    assert.deepEqual(
      documented,
      rows.map(({ model, sees, remedy }) => ({ model, sees, remedy: remedy ?? '' })),
    )
  })
})
