// What is not there: hooks before they are needed, anything after stop, allocation when off, memory of what
// is over. Each case is a fresh process, so that nothing of another test is in the way.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, test } from 'node:test'

/** Runs a module with --expose-gc and gives what it printed as JSON. */
async function measured(source: string): Promise<unknown> {
  const prelude = `
    import { context } from '${import.meta.resolve('./public.ts')}'
    import { isContextExact, isContextStarted } from '${import.meta.resolve('./index.ts')}'
    import { Baggage } from '${import.meta.resolve('#baggage')}'
    import v8 from 'node:v8'
    const words = (...all) => all.reduce((b, w) => b.join(Baggage.of([Buffer.from(w)])), Baggage.empty)
    const turn = () => new Promise((resolve) => setImmediate(resolve))
    async function heap() {
      for (let i = 0; i < 4; i++) { globalThis.gc(); await turn() }
      return process.memoryUsage().heapUsed
    }
    const gathered = []
    const stopped = new FinalizationRegistry((name) => gathered.push(name))
  `
  const args = ['--expose-gc', '--no-warnings', '--input-type=module', '-e', prelude + source]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  return JSON.parse(stdout)
}

describe('off', () => {
  test('loaded, started, stopped: no hook, no wrapper, no storage until the first execution', async () => {
    const result = await measured(`
      const { promiseHooks } = v8
      let installed = 0
      const native = promiseHooks.createHook
      promiseHooks.createHook = (hooks) => {
        const stop = native(hooks)
        installed++
        return () => { installed--; stop() }
      }
      const { all } = Promise
      const { Stream } = await import('node:stream')
      const states = []
      const state = () => states.push([
        installed > 0, Promise.all === all, Object.hasOwn(Stream.prototype, 'on'), isContextExact(),
      ])
      state()
      context.start(); state()
      context.current(); context.branch(() => {}); state()
      context.run(Baggage.empty, () => {}); state()
      context.stop()
      await turn() // Node 22 takes the hook of AsyncLocalStorage itself away a turn later
      state()
      console.log(JSON.stringify(states))`)
    const off = [false, true, false, false]
    assert.deepEqual(result, [off, off, off, [true, false, true, true], off])
  })

  test('stopped in the middle of runs: leaving them brings nothing back', async () => {
    const result = await measured(`
      let installed = 0
      const native = v8.promiseHooks.createHook
      v8.promiseHooks.createHook = (hooks) => {
        const stop = native(hooks)
        installed++
        return () => { installed--; stop() }
      }
      context.start()
      context.run(words('a'), () => context.run(words('b'), () => context.stop()))
      await turn()
      console.log(JSON.stringify([installed, context.current() === Baggage.empty]))`)
    assert.deepEqual(result, [0, true])
  })

  test('stopped: the verbs only call, and give empty', async () => {
    const result = await measured(`
      const fn = () => 1
      context.set(words('x')); context.join(words('x')); context.update(() => words('x'))
      console.log(JSON.stringify([
        context.run(words('a'), () => context.current().byteLength), context.branch(fn), context.isolate(fn),
        context.bind(fn) === fn, context.current() === Baggage.empty, isContextStarted()]))`)
    assert.deepEqual(result, [0, 1, 1, true, true, false])
  })

  test('stopped: calls allocate nothing', async () => {
    const result = await measured(`
      const fn = () => {}
      const spin = (n) => {
        for (let i = 0; i < n; i++) { context.current(); context.branch(fn); context.bind(fn) }
      }
      spin(500_000)
      let least = Infinity
      for (let i = 0; i < 10; i++) { // the optimising compiler, working beside us, allocates too
        globalThis.gc()
        const before = process.memoryUsage().heapUsed
        spin(100_000)
        least = Math.min(least, process.memoryUsage().heapUsed - before)
        await turn()
      }
      console.log(least)`)
    // The smallest object has 16 bytes: one a call would be 1.6 MB, and no young generation is collected that
    // early.
    assert.ok(Number(result) < 800_000, `${result} bytes`)
  })

  test('after stop: what was captured before no longer shows, and a new start begins clean', async () => {
    const result = await measured(`
      context.start()
      const seen = []
      const see = () => seen.push(context.current().byteLength)
      const later = () => new Promise((resolve) => setTimeout(() => resolve(see()), 20))
      const late = context.run(words('old'), later)
      context.stop()
      await late
      context.start()
      context.run(words('n'), see)
      console.log(JSON.stringify(seen))`)
    assert.deepEqual(result, [0, 2])
  })
})

describe('memory', () => {
  test('a long then-chain, the tail of every hand-written mutex, keeps nothing of its past', async () => {
    const result = await measured(`
      context.start()
      await context.run(words('a'), async () => {
        let tail = Promise.resolve()
        const spin = async (n) => {
          for (let i = 0; i < n; i++) { tail = tail.then(() => {}); if (i % 1000 === 0) await tail }
          await tail
        }
        await spin(20_000)
        const before = await heap()
        await spin(200_000)
        console.log(JSON.stringify((await heap()) - before))
      })`)
    assert.ok(Number(result) < 2 * 1024 * 1024, `${result} bytes after 200,000 links`)
  })

  test('200,000 awaits that each pack keep one frame, not 200,000', async () => {
    const result = await measured(`
      context.start()
      await context.run(words('a'), async () => {
        const values = [words('a'), words('a', 'b')]
        const child = async (i) => { await null; context.set(values[i & 1]) }
        const spin = async (n) => { for (let i = 0; i < n; i++) await child(i) }
        await spin(20_000)
        const before = await heap()
        await spin(200_000)
        console.log(JSON.stringify((await heap()) - before))
      })`)
    assert.ok(Number(result) < 2 * 1024 * 1024, `${result} bytes`)
  })

  test('nothing keeps its execution: a promise never settled, a race lost, a listener removed', async () => {
    const result = await measured(`
      const { PassThrough } = await import('node:stream')
      context.start()
      const stream = new PassThrough()
      const use = (name) => {
        const token = Baggage.of([Buffer.alloc(1000)])
        stopped.register(token, name)
        context.run(token, () => {
          if (name === 'pending') void (async () => { await new Promise(() => {}) })()
          if (name === 'race') void Promise.race([new Promise(() => {}), Promise.resolve()])
          if (name === 'all') void Promise.all([new Promise(() => {}), Promise.resolve()])
          if (name === 'listener') { const f = () => {}; stream.on('data', f); stream.off('data', f) }
        })
      }
      for (const name of ['pending', 'race', 'listener', 'all', 'done']) use(name)
      for (let i = 0; i < 20; i++) { await heap(); await turn() }
      console.log(JSON.stringify(gathered.sort()))`)
    assert.deepEqual(result, ['all', 'done', 'listener', 'pending', 'race'])
  })

  test('executions leave nothing: 50,000 of them, nested and isolated', async () => {
    const result = await measured(`
      context.start()
      const inner = () => context.run(words('b'), async () => { await null })
      const once = () => context.run(words('a'), () => context.isolate(async () => { await inner() }))
      const spin = async (n) => { for (let i = 0; i < n; i++) await once() }
      await spin(5_000)
      const before = await heap()
      await spin(50_000)
      console.log(JSON.stringify((await heap()) - before))`)
    assert.ok(Number(result) < 2 * 1024 * 1024, `${result} bytes`)
  })
})
