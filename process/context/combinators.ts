// Promise.all, allSettled and any, joined with all the promises that they waited for.
//
// V8 settles the result of `all` inside the reaction of the input that came last, so by itself only that
// input's baggage would arrive. These wrappers run V8's own combinator over a stand-in constructor:
//
//   Promise.all(xs)  ->  native.call(StandIn, xs)
//                          new StandIn(executor) = new C(executor), with a resolve of ours around C's
//                          StandIn.resolve(x)    = C.resolve(x), remembered as an input
//   all inputs in    ->  resolve of ours: enter current joined with every input's final frame; C's resolve
//
// V8 still iterates (once), calls `then` and builds the values, so order, errors, subclasses and thenables
// are its own, and async stack traces still say `at async Promise.all (index 0)`. all joins when it fulfils
// (a rejection brings only the rejecting branch), allSettled when it fulfils, any when it rejects (a winner
// brings only itself). race needs nothing: its winner settles it. Outside every execution the native function
// runs untouched.
//
// Rejected: own implementations (lose the stack traces), extra reactions on the inputs (more promises, more
// hook calls).
import type { Frame } from './frame.ts'
import type { FrameStore } from './frame-store.ts'
import { finalFrameOf } from './promise-flow.ts'

type Settle = (value: unknown) => void
type Executor = (resolve: unknown, reject: unknown) => void
type JoinsOn = 'resolve' | 'reject'

const combinators = [
  { name: 'all', joinsOn: 'resolve' },
  { name: 'allSettled', joinsOn: 'resolve' },
  { name: 'any', joinsOn: 'reject' },
] as const satisfies readonly { name: string; joinsOn: JoinsOn }[]

export type JoinFrames = (current: Frame, others: Iterable<Frame>) => Frame

/** One call of a combinator: the constructor it was called on and the promises it waits for. */
class Gathering {
  readonly constructorCalled: Function
  readonly #joinsOn: JoinsOn
  readonly #store: FrameStore
  readonly #join: JoinFrames
  #inputs: object[] | undefined = []

  constructor(target: Function, joinsOn: JoinsOn, store: FrameStore, join: JoinFrames) {
    this.constructorCalled = target
    this.#joinsOn = joinsOn
    this.#store = store
    this.#join = join
  }

  /** C's executor with the joining side wrapped; what is not callable goes through for V8 to judge. */
  executorAround(executor: Executor): Executor {
    return (resolve, reject) => {
      executor(
        this.#joinsOn === 'resolve' ? this.#joining(resolve) : this.#forgetting(resolve),
        this.#joinsOn === 'reject' ? this.#joining(reject) : this.#forgetting(reject),
      )
    }
  }

  remember(input: unknown): void {
    if (typeof input === 'object' && input !== null) this.#inputs?.push(input)
  }

  #joining(settle: unknown): unknown {
    if (typeof settle !== 'function') return settle
    const wrapped: Settle = (value) => {
      this.#enterJoined()
      return Reflect.apply(settle, undefined, [value])
    }
    return wrapped
  }

  #forgetting(settle: unknown): unknown {
    if (typeof settle !== 'function') return settle
    const wrapped: Settle = (value) => {
      this.#inputs = undefined
      return Reflect.apply(settle, undefined, [value])
    }
    return wrapped
  }

  #enterJoined(): void {
    const inputs = this.#inputs
    const current = this.#store.get()
    this.#inputs = undefined
    if (inputs === undefined || current === undefined) return
    const joined = this.#join(current, finalFramesOf(inputs))
    if (joined !== current) this.#store.enter(joined)
  }
}

function* finalFramesOf(inputs: readonly object[]): Iterable<Frame> {
  for (const input of inputs) {
    const frame = finalFrameOf(input)
    if (frame !== undefined) yield frame
  }
}

/**
 * Puts the wrappers in place. Gives what puts the originals back, where nobody else has wrapped ours
 * meanwhile.
 */
export function installCombinators(store: FrameStore, join: JoinFrames): () => void {
  let isInstalled = true
  let active: Gathering | undefined
  const restores = combinators.map(({ name, joinsOn }) => {
    const native: unknown = Reflect.get(Promise, name)
    if (typeof native !== 'function') return () => {}
    const wrapper = methodNamed(name, (target, iterable) => {
      const isOff = !isInstalled || typeof target !== 'function' || store.get() === undefined
      if (isOff) return Reflect.apply(native, target, [iterable])
      const outer = active
      active = new Gathering(target, joinsOn, store, join)
      try {
        return Reflect.apply(native, StandIn, [iterable])
      } finally {
        active = outer
      }
    })
    return replaceOnPromise(name, native, wrapper)
  })

  /** Called by V8 inside the native combinator only, so `active` is that call. */
  function StandIn(executor: Executor): unknown {
    const gathering = active
    if (gathering === undefined) throw new TypeError('Illegal constructor')
    return Reflect.construct(gathering.constructorCalled, [gathering.executorAround(executor)])
  }
  Object.defineProperty(StandIn, 'resolve', {
    get() {
      const gathering = active
      if (gathering === undefined) return undefined
      const target = gathering.constructorCalled
      const resolve: unknown = Reflect.get(target, 'resolve')
      if (typeof resolve !== 'function') return resolve
      return (value: unknown) => {
        const input: unknown = Reflect.apply(resolve, target, [value])
        gathering.remember(input)
        return input
      }
    },
  })

  return () => {
    isInstalled = false
    for (const restore of restores) restore()
  }
}

/** A method that looks like V8's own: its name, one parameter, not a constructor. */
function methodNamed(name: string, body: (target: unknown, iterable: unknown) => unknown): Function {
  const { method } = {
    method(this: unknown, iterable: unknown): unknown {
      return body(this, iterable)
    },
  }
  Object.defineProperty(method, 'name', { value: name, configurable: true })
  return method
}

function replaceOnPromise(name: string, native: Function, wrapper: Function): () => void {
  if (!Reflect.set(Promise, name, wrapper)) return () => {}
  return () => {
    if (Reflect.get(Promise, name) === wrapper) Reflect.set(Promise, name, native)
  }
}
