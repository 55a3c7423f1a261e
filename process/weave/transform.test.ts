// A woven module behaves as it was written: asleep, watched, and stringified; and what is watched is told.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel'
import path from 'node:path'
import { test } from 'node:test'
import vm from 'node:vm'
import { cloneText, type CloneFunction } from './clone.ts'
import { shapeOf, type ModuleShape } from './functions.ts'
import { parseModule, type Program } from './parser.ts'
import type { Hook } from './sites.ts'
import { guardedIn, weaveText } from './transform.ts'
import type { Door, Registration } from './woven-module.ts'

const CHANNEL = 'weave.test'

type Told = { readonly name: string; readonly args: readonly unknown[]; value?: unknown; thrown?: unknown }

type Made = { readonly text: string; readonly names: readonly string[]; readonly module: Module }
type Module = { readonly source: string; readonly program: Program; readonly shape: ModuleShape }

function woven(source: string): Made {
  const program = parseModule(source, typeOf(source))
  const module = { source, program, shape: shapeOf(program) }
  const done = weaveText(source, module, { channel: CHANNEL, id: 1 })
  assert.ok(done, 'there is something to weave')
  return { text: done.text, names: done.guarded.map((shape) => shape.path), module }
}

/** A script has no await of its own. */
const typeOf = (source: string) => (/\bawait\b/.test(source) ? 'module' : 'commonjs')

type HookMaker = (name: string, slot: number, doors: ReadonlyMap<number, Door>) => Hook

/** Runs a script as a module function; gives what it says. */
async function run(text: string, names: readonly string[] = [], hookOf?: HookMaker): Promise<unknown[]> {
  const said: unknown[] = []
  const doors = new Map<number, Door>()
  const onDoor = (message: unknown): void => {
    const { class: of, door, set } = message as Registration
    doors.set(of, door)
    if (of === -1 && hookOf !== undefined)
      for (const [slot, name] of names.entries()) set(slot, hookOf(name, slot, doors))
  }
  subscribe(CHANNEL, onDoor)
  try {
    const async = typeOf(text) === 'module' ? 'async ' : ''
    const main = vm.runInThisContext(`(${async}function (say, exports, module) {${text}\n})`)
    await main((value: unknown) => void said.push(value), {}, {})
  } finally {
    unsubscribe(CHANNEL, onDoor)
  }
  return said
}

/** Looks at every invocation. */
function watching(told: Told[] = []): HookMaker {
  return (name) => (_self, args) => {
    const one: Told = { name, args }
    return {
      clone: undefined,
      set value(given: unknown) {
        one.value = given
      },
      error: (thrown: unknown) => void (one.thrown = thrown),
      exit: () => void told.push(one),
    }
  }
}

/** Runs a clone with a probe at every line that has a statement, where there can be one. */
function cloning({ module, told }: { readonly module: Module; readonly told: string[] }): HookMaker {
  return (_name, slot, doors) => {
    const shape = guardedIn(module.shape.functions)[slot]
    const probes = [shape, ...guardedIn(shape.children)].flatMap(({ path: of, statements, locals }) =>
      [...new Set(statements.map(({ line }) => line))].map((line) => ({
        of,
        line,
        vars: [...locals, 'this.#x'],
      })),
    )
    const made = cloneText({ ...module, lineOf: (line) => line }, slot, probes)
    let clone: CloneFunction | undefined
    return (self, args) => {
      if ('reason' in made || probes.length === 0) return undefined
      const door = doors.get(typeof shape.door === 'number' ? shape.door : -1)
      clone ??= door?.(made.text) as CloneFunction
      const look = (probe: number, values: readonly unknown[]): void => {
        told.push(`${probes[probe].of}@${probes[probe].line}`)
        assert.equal(values.length, probes[probe].vars.length)
      }
      const runClone = clone
      return {
        clone: () => runClone.call(self, look, ...args),
        value: undefined,
        error: () => {},
        exit: () => {},
      }
    }
  }
}

/** Each says what it does through `say`; all must say the same, however they are run. */
const PROGRAMS: Readonly<Record<string, string>> = {
  'returns of every shape': `
    function f(n) { if (n > 2) return n; else if (n === 0) return; return (n + 1) }
    const g = (a) => a ? f(a) : { a }, h = x => (f(x), { x }), k = async x => f(await x)
    say([f(0), f(1), f(5), g(0), g(3), h(1)]); say(await k(7))
    function asi(a) { return a
    }
    function many(a, b) { return a, b }
    say(asi(1)); say(many(1, 2))`,
  'names and lengths stay': `
    const one = () => f(), f = function () { return () => f }, o = { m() { return class {}
      }, get p() { return f } }
    say([one.name, f.name, f().name, o.m.name, o.m().name, one.length, ((a, b) => f(a, b)).length])`,
  'this, arguments, new.target, private names, super': `
    class A { #x = 1; static made = 0; constructor(n) { A.made++; this.n = n; say(new.target.name) }
      get x() { return this.#x } set x(v) { this.#x = v } static of(...all) { return new this(...all) } }
    class B extends A {
      constructor(n) { const before = () => n + 1; super(before());
      this.later = () => this.n + super.x } }
    const b = B.of(1); b.x = 5; say([b.n, b.x, b.later(), A.made])
    function count() { return arguments.length } say(count(1, 2, 3))
    function sloppy(a) { arguments[0] = 9; return a } say(sloppy(1))`,
  'patterns and defaults': `
    const p = ({ a, b: { c = 3 } = {}, ...rest }, [d, , e] = [1, 2, 3], ...more) => {
      return [a, c, rest, d, e, more] }
    say(p({ a: 1, z: 2 })); say(p({ b: { c: 7 } }, 'xyz', 1, 2)); say(p.length)`,
  'generators and async generators': `
    function* g(n) { try { for (let i = 0; i < n; i++) { const got = yield i; if (got) return got } }
      finally { say('end') } }
    say([...g(3)]); const it = g(9); it.next(); say(it.next('x')); const cut = g(5); cut.next();
      say(cut.return(4))
    async function* a() { yield 1; return 2 } const seen = []; for await (const x of a()) seen.push(x);
      say(seen)`,
  'exceptions pass, finally overrides': `
    function t() { throw new Error('x') } function c() { try { t() } catch (e) { return e.message }
      finally { say('f') } }
    function o() { try { return 1 } finally { return 2 } } say(c()); say(o())
    const r = async () => { await null; throw new RangeError('late') }; try { await r() }
      catch (e) { say(e.message) }`,
  'declarations inside bodies': `
    function f(a) { say(typeof inner); var a = a || 5; function inner() { return a }
      { function block() { return 1 } } return inner() + block() }
    say(f()); function twice() { function x() { return 1 } function x() { return 2 } return x() }
      say(twice())
    function clash() { var y = 1; function y() {} return typeof y } say(clash())`,
  'hoisted before the first statement': `say(early()); function early() { return later() }
      function later() { return 1 }`,
  'order of awaits': `
    const order = []; const tick = async (n) => { order.push(n); await null; order.push(n + 'b');
      return n }
    await Promise.all([tick(1), (async () => { await null; order.push('m') })(), tick(2)]);
      say(order.join())`,
  'a function sent elsewhere as text': `
    function add(a, b) { return a + b } const text = String(add); say(add(1, 2))
    say((0, eval)('(' + text + ')')(1, 2)); say(new Function('return (' + text + ')(3, 4)')())`,
  'classes that hide names': `
    const A = class B { #n = 1; static #made = 0; static of() { this.#made++; return new B() }
      get n() { const bound = () => this.#n; return bound() }
      set n(to) { if (to > 3) this.#n = to
        else this.#put(to) }
      #put(to) { this.#n = -to } has(o) { return #n in o }
      static get made() { return B.#made } *each(a = this.#n, ...more) { yield a; return more } }
    const a = A.of(); a.n = 7; say(a.n); a.n = 2; say([a.n, A.made, a.has(a), a.has({}), ...a.each()])
    class C extends A { m(x) { return super.each(x) } static k = (y) => { return this.made + y } }
    say([...new C().m(4), C.k(1)])`,
  'loops and branches without braces': `
    const f = (list, found = []) => {
      for (const x of list)
        if (x > 2)
          found.push(() => x)
        else if (x < 0)
          for (let i = 0; i < 2; i++) found.push(function () { return i })
        else
          do found.push(() => list.length)
          while (found.length < 3)
      return found.map((one) => one()) }
    say(f([3, -1, 0, 5]))`,
  'switch, loops, labels, if without braces': `
    function f(x) { outer: for (;;) { switch (x) { case 1: return 'one'; case 2: x = 1; continue outer;
      default: if (x) return x; else return } } }
    say([f(1), f(2), f(3), f(0)])`,
  'objects, getters, computed keys': `
    const key = 'k'; const o = { [key + 1]() { return 1 }, get [key]() { return 2 }, async *each() { yield* [1] }, 'a b'() { return 3 } }
    say([o.k1(), o.k, o['a b']()]); for await (const x of o.each()) say(x)`,
}

for (const [name, source] of Object.entries(PROGRAMS)) {
  test(`woven as written: ${name}`, async () => {
    const written = await run(source)
    const { text, names, module } = woven(source)
    assert.equal(text.split('\n').length, source.split('\n').length, 'no line moves')
    assert.deepEqual(await run(text), written, 'asleep')
    if (name === 'order of awaits') return
    assert.deepEqual(await run(text, names, watching()), written, 'watched')
    const told: string[] = []
    assert.deepEqual(await run(text, names, cloning({ module, told })), written, 'cloned')
    assert.ok(told.length > 0, 'some line was seen')
    if (name.startsWith('loops'))
      assert.ok(
        told.some((one) => one.startsWith('f.<')),
        told.join(' '),
      )
  })
}

test('a hook is told arguments, value and error, of async functions when they settle', async () => {
  const { text, names } = woven(`
    async function load(key, { deep = true } = {}) { await null
      if (key === 'bad') throw new Error('no ' + key); return key.length }
    class S { static twice(n) { return n * 2 } }
    const x = await load('abc'); S.twice(x)
    try { await load('bad', { deep: false }) } catch {}`)
  const told: Told[] = []
  await run(text, names, watching(told))
  assert.deepEqual(
    told.map(({ name, args, value, thrown }) => [
      name,
      args,
      value,
      thrown instanceof Error && thrown.message,
    ]),
    [
      ['load', ['abc', true], 3, false],
      ['S.twice', [3], 6, false],
      ['load', ['bad', false], undefined, 'no bad'],
    ],
  )
})

test('a line that cannot be seen is refused, and why', () => {
  const { module, names } = woven(`
    function f() {
      const g = () => {
        return arguments.length
      }

      return g() }
    class B extends Object { m() {
        return super.toString() } }
    { let hidden = 1; function inBlock() {
        return hidden } }
    const mere = () => go()`)
  const at = (name: string, line: number): string | undefined => {
    const made = cloneText({ ...module, lineOf: (one) => one }, names.indexOf(name), [
      { of: name, line, vars: [] },
    ])
    return 'reason' in made ? made.reason : undefined
  }
  assert.match(at('f', 3) ?? '', /^f uses arguments/)
  assert.match(at('f.g', 4) ?? '', /^no door reaches f\.g/)
  assert.match(at('B.m', 9) ?? '', /super/)
  assert.match(at('inBlock', 11) ?? '', /inside a block/)
  assert.match(at('mere', 12) ?? '', /mere expression/)
  const { module: other } = woven('function f() {\n\n  if (x)\n    return 1\n}')
  const lines = [2, 3, 4].map((line) =>
    cloneText({ ...other, lineOf: (one) => one }, 0, [{ of: 'f', line, vars: [] }]),
  )
  assert.deepEqual(
    lines.map((made) => ('missed' in made ? (made.missed.get(0) ?? 'there') : made.reason)),
    ['no statement begins in line 2; one does in line 3', 'there', 'there'],
  )
})

test('functions are called what their authors call them', () => {
  const { names } = woven(`
    'use strict'
    exports.load = async () => { await 0 }; module.exports.save = function () {}
    Store.prototype.get = function () {}; function Store() {}
    const routes = { list() {}, deep: { one: () => go() } }
    app.get('/x', async (req) => { await req; list.map((x) => go(x)) })
    class Q { #secret() {} static { this.z = () => go() } field = () => go(); get size() { return 1 } }
    function outer() { function inner() {} } function same() {} { function same() {} }
    let mere = [1].map(x => x + 1)`)
  assert.deepEqual(names, [
    'load',
    'save',
    'Store.get',
    'Store',
    'routes.list',
    'routes.deep.one',
    '<get:6>',
    '<get:6>.<map:6>',
    'Q.#secret',
    'Q.z',
    'Q.field',
    'Q.size',
    'outer',
    'outer.inner',
    'same',
    'same~2',
  ])
})

test('real packages can be parsed again when they are woven, and keep their lines', () => {
  const root = path.join(import.meta.dirname, '../../node_modules')
  const files = ['fastify', 'undici', 'protobufjs', 'acorn'].flatMap((name) => scripts(path.join(root, name)))
  assert.ok(files.length > 100)
  for (const file of files) {
    const source = readFileSync(file, 'utf8')
    const program = parseModule(source, 'unknown')
    const done = weaveText(source, { program, shape: shapeOf(program) }, { channel: CHANNEL, id: 1 })
    if (done === undefined) continue
    assert.equal(done.text.split('\n').length, source.split('\n').length, file)
    parseModule(done.text, program.sourceType === 'module' ? 'module' : 'commonjs')
  }
})

function scripts(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.[cm]?js$/.test(entry.name) && !entry.parentPath.includes('test'))
    .map((entry) => path.join(entry.parentPath, entry.name))
}

test('the channel is left alone when nobody listens', () => {
  assert.equal(channel(CHANNEL).hasSubscribers, false)
})
