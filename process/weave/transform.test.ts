// A woven module behaves as it was written: asleep, watched, and stringified; and what is watched is told.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel'
import path from 'node:path'
import { test } from 'node:test'
import vm from 'node:vm'
import { functionsOf } from './functions.ts'
import { parseModule } from './parser.ts'
import { weaveText } from './transform.ts'

const CHANNEL = 'weave.test'

type Told = { readonly name: string; readonly args: readonly unknown[]; value?: unknown; thrown?: unknown }

function woven(source: string): { readonly text: string; readonly names: readonly string[] } {
  const program = parseModule(source, 'commonjs')
  const done = weaveText(source, { program, functions: functionsOf(program) }, { channel: CHANNEL, id: 1 })
  assert.ok(done, 'there is something to weave')
  return { text: done.text, names: done.guarded.map((shape) => shape.path) }
}

/** A script has no await of its own. */
function scriptOf(source: string): string {
  return /\bawait\b/.test(source) ? `module.exports = (async () => {${source}\n})()` : source
}

/** Runs a script as a module function; gives what it says, and what hooks were told. */
async function run(text: string, names?: readonly string[]): Promise<{ said: unknown[]; told: Told[] }> {
  const said: unknown[] = []
  const told: Told[] = []
  const hooks = names?.map((name) => (_self: unknown, args: readonly unknown[]) => {
    const one: Told = { name, args }
    return {
      set value(given: unknown) {
        one.value = given
      },
      error: (thrown: unknown) => void (one.thrown = thrown),
      exit: () => void told.push(one),
    }
  })
  const onDoor = (message: unknown): void => {
    const { set } = message as { set(slot: number, hook: unknown): void }
    hooks?.forEach((hook, slot) => set(slot, hook))
  }
  subscribe(CHANNEL, onDoor)
  try {
    const main = vm.runInThisContext(`(function (say, exports, module) {${text}\n})`)
    const module = { exports: {} as unknown }
    main((value: unknown) => void said.push(value), module.exports, module)
    await module.exports
  } finally {
    unsubscribe(CHANNEL, onDoor)
  }
  return { said, told }
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
    function add(a, b) { return a + b } const text = String(add)
    say((0, eval)('(' + text + ')')(1, 2)); say(new Function('return (' + text + ')(3, 4)')())`,
  'switch, loops, labels, if without braces': `
    function f(x) { outer: for (;;) { switch (x) { case 1: return 'one'; case 2: x = 1; continue outer;
      default: if (x) return x; else return } } }
    say([f(1), f(2), f(3), f(0)])`,
  'objects, getters, computed keys': `
    const key = 'k'; const o = { [key + 1]() { return 1 }, get [key]() { return 2 }, async *each() { yield* [1] }, 'a b'() { return 3 } }
    say([o.k1(), o.k, o['a b']()]); for await (const x of o.each()) say(x)`,
}

for (const [name, program] of Object.entries(PROGRAMS)) {
  test(`woven as written: ${name}`, async () => {
    const source = scriptOf(program)
    const written = await run(source)
    const { text, names } = woven(source)
    assert.equal(text.split('\n').length, source.split('\n').length, 'no line moves')
    assert.deepEqual((await run(text)).said, written.said, 'asleep')
    if (name !== 'order of awaits') assert.deepEqual((await run(text, names)).said, written.said, 'watched')
  })
}

test('a hook is told arguments, value and error, of async functions when they settle', async () => {
  const { text, names } = woven(
    scriptOf(`
    async function load(key, { deep = true } = {}) { await null
      if (key === 'bad') throw new Error('no ' + key); return key.length }
    class S { static twice(n) { return n * 2 } }
    const x = await load('abc'); S.twice(x); await load('bad', { deep: false }).catch(() => {})`),
  )
  const { told } = await run(text, names)
  const named = told.filter(({ name }) => !name.endsWith('>'))
  assert.deepEqual(
    named.map(({ name, args, value, thrown }) => [
      name.replace('<call:1>.', ''),
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
    const done = weaveText(source, { program, functions: functionsOf(program) }, { channel: CHANNEL, id: 1 })
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
