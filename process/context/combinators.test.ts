// The wrapped combinators and subclass prototypes look and behave like V8's own, and leave nothing behind.

/* oxlint-disable unicorn/no-unnecessary-await, unicorn/no-thenable -- odd uses are the subject */
/* oxlint-disable unicorn/no-single-promise-in-promise-methods */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { Baggage } from '#baggage'
import { context } from './public.ts'

const natives = { all: Promise.all, allSettled: Promise.allSettled, any: Promise.any, race: Promise.race }

/** Runs f in an execution, with the wrappers in place, and outside, with V8's own; both must end alike. */
async function alike(f: () => unknown): Promise<void> {
  const outcome = async (): Promise<unknown> => {
    try {
      return { value: await f() }
    } catch (error: unknown) {
      return { name: Object(error).name, message: Object(error).message, errors: Object(error).errors }
    }
  }
  const plain = await outcome()
  context.start()
  const wrapped = await context.run(Baggage.empty, outcome)
  context.stop()
  assert.deepEqual(wrapped, plain)
}

describe('as V8 does', () => {
  const cases: Record<string, () => unknown> = {
    'values and promises': () =>
      Promise.all([1, Promise.resolve(2), { then: (resolve: (value: number) => void) => resolve(3) }]),
    'an empty array': () => Promise.all([]),
    'an empty any': () => Promise.any([]),
    'a string': () => Promise.all('ab'),
    'not iterable': () => Reflect.apply(Promise.all, Promise, [5]),
    'no argument': () => Reflect.apply(Promise.all, Promise, []),
    'called on nothing': () => Reflect.apply(Promise.all, undefined, [[]]),
    'called on an object': () => Reflect.apply(Promise.all, {}, [[]]),
    'called on a constructor that ignores its executor': () => Reflect.apply(Promise.all, class {}, [[]]),
    'an iterator that throws': () =>
      Promise.all(
        (function* () {
          yield 1
          throw new RangeError('iterating')
        })(),
      ),
    'settled both ways': () =>
      Promise.allSettled([Promise.reject(new Error('no')), 1]).then((all) => all.map((one) => one.status)),
    'the first rejection': () =>
      Promise.all([
        new Promise(() => {}),
        Promise.reject(new Error('first')),
        Promise.reject(new Error('second')),
      ]),
    'all rejected': () => Promise.any([Promise.reject(new Error('a')), Promise.reject(new Error('b'))]),
  }
  for (const [name, run] of Object.entries(cases)) test(name, () => alike(run))

  test('an iterable is read once and closed once', async () => {
    let read = 0
    let closed = 0
    const iterable = {
      [Symbol.iterator]: () => {
        read += 1
        return {
          next: () => ({ done: false as const, value: 1 }),
          return: () => ({ done: true as const, value: void (closed += 1) }),
        }
      },
    }
    class Refusing<T> extends Promise<T> {
      static override resolve(): never {
        throw new Error('refused')
      }
    }
    await alike(() => Refusing.all(iterable))
    assert.deepEqual({ read, closed }, { read: 2, closed: 2 })
  })

  test('a subclass gives its own kind', () => {
    class Sub<T> extends Promise<T> {}
    context.start()
    context.run(Baggage.empty, () => {
      assert.ok(Sub.all([1]) instanceof Sub)
      assert.ok(Sub.resolve(1).then(() => 2) instanceof Sub)
    })
    context.stop()
    assert.deepEqual(Reflect.ownKeys(Sub.prototype), ['constructor'])
  })

  test('name, length, enumerability and not being a constructor', () => {
    context.start()
    context.run(Baggage.empty, () => {
      for (const [name, native] of Object.entries(natives)) {
        const wrapper: unknown = Reflect.get(Promise, name)
        assert.ok(typeof wrapper === 'function')
        assert.deepEqual([wrapper.name, wrapper.length], [native.name, native.length])
        assert.equal(Reflect.ownKeys(wrapper).includes('prototype'), false)
        assert.equal(Object.getOwnPropertyDescriptor(Promise, name)?.enumerable, false)
      }
    })
    context.stop()
  })

  test('async stack traces still go through Promise.all', async () => {
    context.start()
    const failing = async (): Promise<void> => {
      await null
      throw new Error('deep')
    }
    const error: unknown = await context.run(Baggage.empty, async () =>
      Promise.all([failing(), null]).catch((caught: unknown) => caught),
    )
    context.stop()
    assert.match(String(Object(error).stack), /at async Promise\.all \(index 0\)/)
  })

  test('promises show no mark of ours', async () => {
    const output = await runModule(`
      import { inspect } from 'node:util'
      context.start()
      await context.run(Baggage.empty, async () => {
        const promise = (async () => 1)()
        await promise
        console.log(JSON.stringify([inspect(promise), Reflect.ownKeys(promise).map(String)]))
      })`)
    // On Node 22 AsyncLocalStorage itself keeps three symbols on each promise.
    const ofNode = /async_id_symbol|kResourceStore/
    const isOfNode = ofNode.test(output)
    assert.equal(isOfNode, process.version.startsWith('v22.'))
    if (!isOfNode) assert.equal(output, '["Promise { 1 }",[]]')
    else assert.equal(JSON.parse(output)[1].length, 3)
  })

  test('a rejection is unhandled exactly when it is without us', async () => {
    const program = (start: string): string => `
      ${start}
      const seen = []
      process.on('unhandledRejection', (error) => seen.push(error.message))
      const no = (message) => Promise.reject(new Error(message))
      context.run(Baggage.empty, () => {
        Promise.all([no('all'), no('second')]); Promise.any([no('any')]); Promise.allSettled([no('settled')])
        Promise.all([no('caught')]).catch(() => {})
        class Sub extends Promise {}; Sub.all([no('sub')])
      })
      setTimeout(() => console.log(JSON.stringify(seen)), 20)`
    const outputs = await Promise.all(['', 'context.start()'].map((start) => runModule(program(start))))
    assert.equal(outputs[1], outputs[0])
    assert.deepEqual(JSON.parse(outputs[0] ?? ''), ['all', 'All promises were rejected', 'sub'])
  })
})

describe('when stopped', () => {
  beforeEach(() => context.start())
  afterEach(() => context.stop())

  test('the natives are back, and they were untouched until the first execution', () => {
    assert.equal(Promise.all, natives.all)
    context.run(Baggage.empty, () => assert.notEqual(Promise.all, natives.all))
    context.stop()
    for (const [name, native] of Object.entries(natives)) assert.equal(Reflect.get(Promise, name), native)
  })

  test("somebody's wrapper around ours is left alone, and ours inside is V8's again", async () => {
    context.run(Baggage.empty, () => {})
    const ours = Promise.all
    const theirs = (iterable: Iterable<unknown>): Promise<unknown[]> =>
      Reflect.apply(ours, Promise, [iterable])
    Reflect.set(Promise, 'all', theirs)
    context.stop()
    assert.equal(Promise.all, theirs)
    assert.deepEqual(await Promise.all([1]), [1])
    Reflect.set(Promise, 'all', natives.all)
  })
})

async function runModule(source: string): Promise<string> {
  const imports = `import { context } from '${import.meta.resolve('./public.ts')}'
    import { Baggage } from '${import.meta.resolve('#baggage')}'\n`
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--input-type=module',
    '--no-warnings',
    '-e',
    imports + source,
  ])
  return stdout.trim()
}
