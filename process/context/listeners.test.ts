// Listeners wrapped by us: bound where it is meant, watched in strict mode, and never noticed by who adds and
// removes them.
import assert from 'node:assert/strict'
import { EventEmitter, getEventListeners, once } from 'node:events'
import { PassThrough, Stream } from 'node:stream'
import { afterEach, describe, test } from 'node:test'
import {
  contextFaults,
  currentFrame,
  newFrame,
  onBarrier,
  runWith,
  startContext,
  stopContext,
  withScope,
  scopeValue,
  withScopeValue,
  type BarrierEdge,
  type Mismatch,
} from './index.ts'
import { pack, seen, words } from './oracle/labels.ts'
import { context } from './public.ts'

let faultsExpected = 0
afterEach(() => {
  stopContext('test')
  assert.equal(contextFaults(), faultsExpected)
})

describe('listeners of streams', () => {
  test('listing, counting and removing work with the function that was added', () => {
    startContext('test')
    context.run(words('B'), () => {
      const stream = new PassThrough()
      const told: unknown[] = []
      const f = (): void => {}
      stream.on('newListener', (type, fn) => told.push(type === 'x' ? fn : f))
      stream.on('removeListener', (type, fn) => told.push(type === 'x' ? fn : f))
      for (const add of ['on', 'once', 'addListener', 'prependListener', 'prependOnceListener'] as const) {
        stream[add]('x', f)
        assert.deepEqual(stream.listeners('x'), [f])
        assert.deepEqual(getEventListeners(stream, 'x'), [f])
        assert.equal(stream.listenerCount('x', f), 1)
        assert.equal(stream.off('x', f), stream)
        assert.equal(stream.listenerCount('x'), 0)
      }
      assert.ok(told.length === 11 && told.every((one) => one === f))
    })
  })

  test('once is called once, in order, with this and arguments', () => {
    startContext('test')
    context.run(words('B'), () => {
      const stream = new Stream()
      const calls: unknown[] = []
      stream.once('x', function (this: unknown, ...args: unknown[]) {
        calls.push(this === stream, ...args)
        stream.emit('x', 'again')
      })
      stream.prependListener('x', () => calls.push('first'))
      stream.emit('x', 1, 2)
      assert.deepEqual(calls, ['first', true, 1, 2, 'first'])
    })
  })

  test('what is not a function is refused by Node itself', () => {
    startContext('test')
    context.run(words('B'), () => {
      for (const add of ['on', 'once'] as const) {
        assert.throws(() => Reflect.apply(new PassThrough()[add], new PassThrough(), ['x', 5]), {
          code: 'ERR_INVALID_ARG_TYPE',
        })
      }
    })
  })

  test('inside one execution a listener is a plain call, and sees what the emitter packed', () => {
    startContext('test')
    context.run(words('B'), () => {
      const stream = new Stream()
      stream.on('x', () => pack(`after ${seen()}`))
      pack('C')
      stream.emit('x')
      assert.equal(seen(), 'B C after B C')
    })
  })

  test('a call within one execution comes after adding and emitting, in the scope of who added', () => {
    startContext('test')
    const key = Symbol('active')
    const stream = new Stream()
    const first = newFrame(words('B'))
    runWith(first, () => {
      pack('added')
      withScope(
        (scope) => withScopeValue(scope, key, 'adder'),
        () => {
          stream.on('x', () => {
            assert.equal(seen(), 'B added emitted')
            assert.equal(scopeValue(currentFrame()?.scope, key), 'adder')
            pack('heard')
          })
        },
      )
    })
    runWith(first, () => {
      pack('emitted')
      stream.emit('x')
      assert.equal(seen(), 'B added emitted heard')
      assert.equal(scopeValue(currentFrame()?.scope, key), undefined)
    })
  })

  test('called from another execution it runs in its own and leaves an edge', () => {
    startContext('test')
    const edges: BarrierEdge[] = []
    const unlisten = onBarrier((edge) => edges.push(edge))
    const stream = new Stream()
    context.run(words('B'), () => stream.on('x', () => assert.equal(seen(), 'B')))
    context.run(words('A'), () => {
      stream.emit('x')
      assert.equal(seen(), 'A')
    })
    unlisten()
    assert.deepEqual(
      edges.map(({ via, from, to }) => [via, from.baggage.equals(words('A')), to.baggage.equals(words('B'))]),
      [['listener', true, true]],
    )
  })

  test('the agent may leave them out', () => {
    startContext('test', { streams: false })
    context.run(words('B'), () => assert.equal(Object.hasOwn(Stream.prototype, 'on'), false))
  })
})

describe('strict mode', () => {
  test('reports work that runs in another execution, with both stacks', () => {
    const mismatches: Mismatch[] = []
    startContext('test', { strict: (mismatch) => mismatches.push(mismatch) })
    const emitter = new EventEmitter()
    const target = new EventTarget()
    context.run(words('B'), function subscribe() {
      emitter.on('price', () => {})
      emitter.once('price', () => {})
      target.addEventListener('price', () => {})
    })
    context.run(words('A'), function publish() {
      emitter.emit('price')
      target.dispatchEvent(new Event('price'))
    })
    emitter.emit('price')
    assert.equal(mismatches.length, 4)
    for (const { work, registrationStack, executionStack, registeredBy, ranIn } of mismatches.slice(0, 3)) {
      assert.equal(work, "listener of 'price'")
      assert.match(registrationStack, /subscribe/)
      assert.match(executionStack, /publish/)
      assert.notEqual(registeredBy.id, ranIn?.id)
    }
    assert.equal(mismatches[3]?.ranIn, undefined)
  })

  test('stays silent about listeners of the same execution, of no execution, and bound ones', async () => {
    const mismatches: Mismatch[] = []
    startContext('test', { strict: (mismatch) => mismatches.push(mismatch) })
    const emitter = new EventEmitter()
    emitter.on('price', () => {})
    await context.run(words('B'), async () => {
      emitter.on('own', () => {})
      emitter.emit('own')
      emitter.on(
        'bound',
        context.bind(() => {}),
      )
      const heard = once(emitter, 'own')
      emitter.emit('own')
      await heard
    })
    context.run(words('A'), () => emitter.emit('price'))
    assert.deepEqual(mismatches, [])
  })

  test('adding an EventTarget listener twice adds once, and removing it works', () => {
    startContext('test', { strict: () => {} })
    context.run(words('B'), () => {
      const target = new EventTarget()
      let count = 0
      const f = (): void => void (count += 1)
      target.addEventListener('x', f)
      target.addEventListener('x', f)
      target.dispatchEvent(new Event('x'))
      assert.equal(count, 1)
      target.removeEventListener('x', f)
      target.dispatchEvent(new Event('x'))
      assert.equal(count, 1)
    })
  })

  test('is part of the public start', () => {
    const mismatches: string[] = []
    context.start({ strict: ({ work }) => mismatches.push(work) })
    const emitter = new EventEmitter()
    context.run(words('B'), () => emitter.on('price', () => {}))
    context.run(words('A'), () => emitter.emit('price'))
    context.stop()
    assert.deepEqual(mismatches, ["listener of 'price'"])
  })

  test('a report that throws is counted, and the listener runs', () => {
    startContext('test', {
      strict: () => {
        throw new Error('expected')
      },
    })
    faultsExpected += 1
    const emitter = new EventEmitter()
    let hasRun = false
    context.run(words('B'), () => emitter.on('x', () => void (hasRun = true)))
    const isListener = emitter.emit('x')
    assert.ok(isListener && hasRun)
  })

  test('stopped, the natives are back', () => {
    const natives = [
      EventEmitter.prototype.on,
      EventEmitter.prototype.once,
      EventTarget.prototype.addEventListener,
    ]
    startContext('test', { strict: () => {} })
    context.run(words('B'), () => assert.notEqual(EventEmitter.prototype.on, natives[0]))
    stopContext('test')
    assert.deepEqual(
      [EventEmitter.prototype.on, EventEmitter.prototype.once, EventTarget.prototype.addEventListener],
      natives,
    )
  })
})
