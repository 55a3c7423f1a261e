// The public object, through its own export; and the causal shapes of the baggage spec 7.3, by name.

/* oxlint-disable unicorn/no-unnecessary-await, unicorn/no-thenable -- they are the subject */
import assert from 'node:assert/strict'
import { AsyncLocalStorage, createHook } from 'node:async_hooks'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { createContext, runInContext } from 'node:vm'
import { Baggage } from '#baggage'
import {
  contextFaults,
  currentFrame,
  enter,
  isContextExact,
  newFrame,
  onBarrier,
  runWith,
  scopeOf,
  startContext,
  stopContext,
  withScope,
  scopeValue,
  withScopeValue,
  type BarrierEdge,
} from './index.ts'
import { pack, seen, words } from './oracle/labels.ts'
import { context } from './public.ts'

let faultsExpected = 0
beforeEach(() => context.start())
afterEach(() => {
  context.stop()
  assert.equal(contextFaults(), faultsExpected)
})

async function child(word: string): Promise<void> {
  await null
  pack(word)
}

describe('causal shapes', () => {
  const shapes: { name: string; sees: string; run: () => Promise<unknown> | void }[] = [
    { name: 'an awaited child', sees: 'c', run: () => child('c') },
    { name: 'a child not yet awaited', sees: '', run: () => void child('c') },
    {
      name: 'a late await of a promise settled long ago',
      sees: 'c',
      run: async () => {
        const promise = child('c')
        await nextTurn()
        assert.equal(seen(), '')
        await promise
      },
    },
    {
      name: 'the context of whoever resolves',
      sees: 't',
      run: () =>
        new Promise<void>((resolve) => {
          setTimeout(() => {
            pack('t')
            resolve()
          }, 1)
        }),
    },
    {
      name: 'a promise returned instead of awaited',
      sees: 'c o',
      run: async () => {
        pack('o')
        return child('c')
      },
    },
    {
      name: 'a then-chain',
      sees: 'a b c',
      run: () =>
        child('a')
          .then(() => child('b'))
          .then(() => pack('c')),
    },
    {
      name: 'a race: its winner only',
      sees: 'w',
      run: () => Promise.race([child('w'), sleep(2).then(() => pack('l'))]),
    },
    {
      name: 'any: its winner only',
      sees: 'w',
      run: () => Promise.any([sleep(2).then(() => pack('l')), child('w')]),
    },
    {
      name: 'any, all rejected: every one',
      sees: 'a b',
      run: () => Promise.any([child('a').then(fail), child('b').then(fail)]).catch(() => {}),
    },
    {
      name: 'an async generator',
      sees: 'x y',
      run: async () => {
        async function* produce(): AsyncGenerator<number> {
          await child('x')
          yield 1
          await child('y')
        }
        for await (const _ of produce()) assert.equal(seen(), 'x')
      },
    },
    {
      name: 'a rejection',
      sees: 'r',
      run: () =>
        child('r')
          .then(fail)
          .catch(() => {}),
    },
    {
      name: 'a thenable',
      sees: 'h',
      run: async () => {
        await { then: (resolve: () => void) => void child('h').then(resolve) }
      },
    },
    { name: 'allSettled', sees: 'a b', run: () => Promise.allSettled([child('a').then(fail), child('b')]) },
    {
      name: 'all, whoever comes last',
      sees: 'a b c',
      run: () => Promise.all([sleep(2).then(() => pack('a')), child('b'), child('c')]),
    },
    {
      name: 'all, rejected: the rejecting one',
      sees: 'bad',
      run: () =>
        Promise.all([
          child('good'),
          sleep(2)
            .then(() => pack('bad'))
            .then(fail),
        ]).catch(() => {}),
    },
    { name: 'a synchronous call', sees: 's', run: () => pack('s') },
    {
      name: 'the synchronous start of an async function',
      sees: 'p',
      run: () => {
        void (async () => {
          pack('p')
          await null
          pack('later')
        })()
      },
    },
    {
      name: 'Promise.all of a subclass',
      sees: 'a b',
      run: () => {
        class Sub<T> extends Promise<T> {}
        return Sub.all([child('a'), child('b')])
      },
    },
    {
      name: 'a subclass with a then of its own',
      sees: 'a b',
      run: () => {
        class Lazy<T> extends Promise<T> {
          override then<A, B>(
            onFulfilled?: ((value: T) => A | PromiseLike<A>) | null,
            onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
          ): Promise<A | B> {
            return super.then(onFulfilled, onRejected)
          }
        }
        return Lazy.resolve(child('a')).then(() => child('b'))
      },
    },
    { name: 'frozen promises', sees: 'z', run: () => Object.freeze(child('z')) },
  ]
  for (const { name, sees, run } of shapes) {
    test(name, () =>
      context.run(Baggage.empty, async () => {
        const result = run()
        if (result !== undefined) await result
        assert.equal(seen(), sees)
      }),
    )
  }

  test('siblings do not see each other before the join', () =>
    context.run(Baggage.empty, async () => {
      const observe = async (own: string): Promise<void> => {
        await child(own)
        await nextTurn()
        assert.equal(seen(), own)
      }
      await Promise.all([observe('a'), observe('b')])
    }))
})

function fail(): never {
  throw new Error('expected')
}

describe('the public object', () => {
  test('outside every execution baggage is empty, and set begins one', async () => {
    assert.equal(context.current(), Baggage.empty)
    await (async () => {
      await null
      context.set(words('s'))
      assert.equal(seen(), 's')
    })()
    assert.equal(context.current(), Baggage.empty)
  })

  test('run is a new execution: it has what was given, and nothing of it comes back', async () => {
    await context.run(words('outer'), async () => {
      await context.run(words('inner'), async () => {
        assert.equal(seen(), 'inner')
        await child('deep')
      })
      assert.equal(seen(), 'outer')
    })
    assert.equal(seen(), '')
  })

  test('branch: nothing returns unless joined', () =>
    context.run(Baggage.empty, async () => {
      const promise = context.branch(() => {
        pack('sync')
        return child('async')
      })
      assert.equal(seen(), '')
      await promise
      assert.equal(seen(), 'async sync')
    }))

  test('bind captures now and restores at each call, on a branch', () => {
    const bound = context.run(words('b'), () =>
      context.bind(function (this: unknown, word: string) {
        pack(word)
        return { self: this, sees: seen() }
      }),
    )
    context.run(words('other'), () => {
      const self = {}
      assert.deepEqual(Reflect.apply(bound, self, ['1']), { self, sees: '1 b' })
      assert.deepEqual(bound('2').sees, '2 b')
      assert.equal(seen(), 'other')
    })
  })

  test('bind keeps name, length and construction', () => {
    class Point {
      readonly x: number
      constructor(x: number) {
        this.x = x
      }
    }
    const bound = context.run(Baggage.empty, () => context.bind(Point))
    assert.equal(bound.name, 'Point')
    assert.equal(bound.length, 1)
    assert.ok(new bound(3) instanceof Point)
  })

  test('join merges into current; update changes it', () =>
    context.run(words('a'), () => {
      context.join(words('b'))
      assert.equal(seen(), 'a b')
      context.update(() => words('c'))
      assert.equal(seen(), 'c')
    }))

  test('isolate: baggage goes in, and nothing crosses the border in either direction', () =>
    context.run(words('a'), async () => {
      const outside = child('outside')
      await context.isolate(async () => {
        assert.equal(seen(), 'a')
        await outside
        assert.equal(seen(), 'a')
        await child('inside')
        assert.equal(seen(), 'a inside')
      })
      assert.equal(seen(), 'a')
      await outside
      assert.equal(seen(), 'a outside')
    }))

  test('an exception inside run, branch or isolate leaves the frame of before', () => {
    context.run(words('a'), () => {
      for (const verb of ['branch', 'isolate'] as const) {
        assert.throws(
          () =>
            context[verb](() => {
              pack('x')
              throw new Error('expected')
            }),
          /expected/,
        )
        assert.equal(seen(), 'a')
      }
    })
    assert.equal(seen(), '')
  })

  test('not exact: flows forward only', async () => {
    context.start({ exact: false })
    await context.run(words('a'), async () => {
      await child('c')
      assert.equal(seen(), 'a')
      assert.equal(isContextExact(), false)
    })
  })
})

describe('the execution barrier', () => {
  test('a cached promise carries nothing to the second request, and leaves an edge', async () => {
    const edges: BarrierEdge[] = []
    const unlisten = onBarrier((edge) => edges.push(edge))
    let cached: Promise<void> | undefined
    const request = (tenant: string): Promise<string> =>
      context.run(words(tenant), async () => {
        await (cached ??= child(`loaded by ${tenant}`))
        return seen()
      })
    const [a, b] = await Promise.all([request('A'), request('B')])
    unlisten()
    assert.equal(a, 'A loaded by A')
    assert.equal(b, 'B')
    assert.equal(edges.length, 1)
    assert.equal(edges[0]?.via, 'promise')
    assert.equal(edges[0]?.from.baggage.equals(words('A', 'loaded by A')), true)
    assert.equal(edges[0]?.to.baggage.equals(words('B')), true)
  })

  test('a promise made outside every execution neither joins nor leaves an edge', async () => {
    const edges: BarrierEdge[] = []
    const unlisten = onBarrier((edge) => edges.push(edge))
    const early = sleep(1)
    await context.run(words('A'), () => early.then(() => assert.equal(seen(), 'A')))
    unlisten()
    assert.deepEqual(edges, [])
  })

  test('a listener that throws is counted, and the program goes on', async () => {
    const unlisten = onBarrier(() => fail())
    const shared = context.run(words('A'), () => child('a'))
    await context.run(words('B'), async () => {
      await shared
      assert.equal(seen(), 'B')
    })
    unlisten()
    faultsExpected += 1
  })
})

describe('scope', () => {
  const key = Symbol('active span')

  test('a value replaces that of its own symbol, wherever it stands, and no other', () => {
    const [a, b, c] = [Symbol('a'), Symbol('b'), Symbol('c')]
    const first = [a, b, c].reduce(
      (scope, symbol) => withScopeValue(scope, symbol, symbol.description),
      scopeOf({ id: 1, root: 1 }),
    )
    for (const changed of [a, b, c]) {
      const scope = withScopeValue(first, changed, 'new')
      for (const symbol of [a, b, c])
        assert.equal(scopeValue(scope, symbol), symbol === changed ? 'new' : symbol.description)
      let length = 0
      for (let one = scope.values; one !== undefined; one = one.next) length += 1
      assert.equal(length, 3)
      assert.equal(scopeValue(first, changed), changed.description)
    }
    assert.equal(scopeValue(first, Symbol('a')), undefined)
    assert.equal(scopeValue(undefined, a), undefined)
  })

  test('what a child made active never leaks to its parent, while its baggage arrives', async () => {
    await context.run(Baggage.empty, async () => {
      await withScope(
        (scope) => withScopeValue(scope, key, 'child span'),
        async () => {
          pack('sync')
          await child('c')
          assert.equal(scopeValue(currentFrame()?.scope, key), 'child span')
        },
      )
      assert.equal(scopeValue(currentFrame()?.scope, key), undefined)
      assert.equal(seen(), 'c sync')
    })
  })

  test('withScope keeps what the synchronous part packed, and leaves the scope', () =>
    context.run(Baggage.empty, () => {
      void withScope(
        (scope) => withScopeValue(scope, key, 1),
        async () => {
          pack('sync')
          await null
          pack('later')
        },
      )
      assert.equal(seen(), 'sync')
      assert.equal(scopeValue(currentFrame()?.scope, key), undefined)
    }))

  test('enter lasts until the callback that Node called ends', async () => {
    await new Promise<void>((resolve) =>
      setImmediate(() => {
        enter(newFrame(words('e')))
        assert.equal(seen(), 'e')
        resolve()
      }),
    )
    assert.equal(currentFrame(), undefined)
  })

  test('runWith undefined is outside every execution', () =>
    context.run(words('a'), () => {
      runWith(undefined, () => assert.equal(currentFrame(), undefined))
      assert.equal(seen(), 'a')
    }))

  test('two owners: the application stopping does not take the context of the agent away', () => {
    startContext('agent')
    context.stop()
    context.run(words('a'), () => assert.equal(seen(), 'a'))
    stopContext('agent')
    context.run(words('a'), () => assert.equal(seen(), ''))
  })

  test('starting again while requests are under way loses no join', () =>
    context.run(Baggage.empty, async () => {
      const promise = child('c')
      startContext('late')
      const later = child('d')
      stopContext('late')
      await Promise.all([promise, later])
      assert.equal(seen(), 'c d')
    }))

  test("other people's async hooks and storages do not disturb the join", () =>
    context.run(Baggage.empty, async () => {
      const hook = createHook({ init() {}, before() {}, destroy() {} }).enable()
      const storage = new AsyncLocalStorage<number>()
      await storage.run(1, async () => {
        await child('c')
        assert.equal(storage.getStore(), 1)
      })
      hook.disable()
      await child('d')
      assert.equal(seen(), 'c d')
      assert.equal(scopeOf({ id: 1, root: 1 }).execution.id, 1)
    }))
})

describe('beyond one realm', () => {
  test('promises of a vm context join, and its intrinsics are left alone', () =>
    context.run(Baggage.empty, async () => {
      const sandbox = createContext({ pack, seen })
      const prototype: unknown = runInContext('Promise.prototype', sandbox)
      assert.ok(typeof prototype === 'object' && prototype !== null)
      const before = Object.getOwnPropertyDescriptor(prototype, 'then')?.value
      const inner: unknown = runInContext(
        `(async () => {
          await null; pack('v'); await (async () => { await null; pack('w') })(); return seen()
        })()`,
        sandbox,
      )
      assert.equal(await inner, 'v w')
      assert.equal(seen(), 'v w')
      assert.equal(Object.getOwnPropertyDescriptor(prototype, 'then')?.value, before)
    }))

  test('for await over promises in an array flows forward only: the one known bound', () =>
    context.run(words('a'), async () => {
      for await (const _ of [child('b')]) assert.equal(seen(), 'a')
      for (const promise of [child('b')]) await promise
      assert.equal(seen(), 'a b')
    }))
})
