// The load hook in real processes: every kind of module, woven on the way to Node, on every Node.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { after, test } from 'node:test'
import { adoptedFunctions } from './adopted.ts'
import { build } from 'rolldown'

const TESTING = path.join(import.meta.dirname, 'testing')
const folder = mkdtempSync(path.join(tmpdir(), 'crosscut-weave-'))
cpSync(path.join(TESTING, 'app'), folder, { recursive: true })
// What the tree's own formatter would not take, or its git.
const library = path.join(folder, 'node_modules', 'lib')
mkdirSync(library, { recursive: true })
writeFileSync(path.join(library, 'index.js'), "exports.lib = function lib() { return 'lib' }")
writeFileSync(path.join(folder, 'worse.cjs'), 'function (')
writeFileSync(path.join(folder, 'enum.ts'), 'enum Colour { Red }; export const red = () => Colour.Red')
after(() => rmSync(folder, { recursive: true, force: true }))

const PAINT = `// Of colours
enum Colour { Red }

export const red = () => [Colour.Red][0]

export class Paint {
  constructor(private readonly colour: Colour) {}

  over(wall: string): string { return wall + this.colour }
}`

const MIX = `import { Paint, red } from './paint.js'

export function mix() { return new Paint(red()).over('') }
console.error(mix())`

const TSC = path.join(import.meta.dirname, '../../node_modules/typescript/bin/tsc')

type Told = {
  readonly name: string
  readonly args: unknown[]
  readonly value?: unknown
  readonly error?: string
}
type Outcome = {
  readonly told: Told[]
  readonly unwoven: string[][]
  readonly functions: [string, number, string][]
}

function run(
  file: string,
  env: Record<string, string> = {},
  flags: readonly string[] = [],
  status = 0,
): Outcome & { said: string } {
  const rig = pathToFileURL(path.join(TESTING, 'rig.ts')).href
  const args = [...process.execArgv, ...flags, '--import', rig, path.join(folder, file)]
  const done = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    env: { ...process.env, NODE_TEST_CONTEXT: undefined, NODE_NO_WARNINGS: '1', ...env },
  })
  assert.equal(done.status, status, done.stderr)
  return { ...(JSON.parse(done.stdout) as Outcome), said: done.stderr }
}

test('modules of every kind run as written and are watched', () => {
  const { told, functions, unwoven, said } = run('main.mjs')
  assert.match(said, /'late after early', 2, 8, 'lib', 'shadowed', '18'/)
  assert.deepEqual(unwoven, [])
  assert.deepEqual(functions.sort(), [
    ['cycle.mjs:late', 5, ''],
    ['half.cjs:half', 4, 'n'],
    ['main.mjs:early', 9, ''],
    ['twice.ts:double', 9, 'n'],
    ['twice.ts:twice', 5, 'n'],
  ])
  // `early` ran before its own module had begun: asleep, and not an error.
  assert.deepEqual(told, [
    { name: 'cycle.mjs:late', args: [], value: 'late after early' },
    { name: 'half.cjs:half', args: [4], value: 2 },
    { name: 'twice.ts:double', args: [4], value: 8 },
    { name: 'twice.ts:twice', args: [4], value: 8 },
  ])
})

test('a library is woven when it is asked for, and files are left out by name', () => {
  const { functions } = run('main.mjs', { WEAVE: 'lib/index.js,!twice.ts' })
  const names = functions.map(([name]) => name)
  assert.ok(names.includes('lib/index.js:lib'), names.join())
  assert.ok(!names.some((name) => name.startsWith('twice.ts')))
  assert.deepEqual(run('main.mjs', { WEAVE: 'none' }).functions, [])
})

const named = (file: string): unknown[] =>
  run(file)
    .functions.filter(([name]) => !name.includes('<'))
    .sort()

test('what was compiled is called what it was written as: map beside it, inline, and of a bundle', async () => {
  const written: [string, number, string][] = [
    ['src/mix.ts:mix', 3, ''],
    ['src/paint.ts:Paint.constructor', 7, 'colour'],
    ['src/paint.ts:Paint.over', 9, 'wall'],
    ['src/paint.ts:red', 4, ''],
  ]
  mkdirSync(path.join(folder, 'src'))
  writeFileSync(path.join(folder, 'src', 'paint.ts'), PAINT)
  writeFileSync(path.join(folder, 'src', 'mix.ts'), MIX)
  for (const flag of ['--sourceMap', '--inlineSourceMap']) {
    const flags = ['--module', 'esnext', '--target', 'es2022', '--outDir', 'dist', flag]
    const args = [TSC, '--ignoreConfig', ...flags, 'src/mix.ts']
    const compiled = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' })
    assert.equal(compiled.status, 0, compiled.stdout)
    assert.deepEqual(named('dist/mix.js'), written, flag)
  }
  const [entry, file] = ['src/mix.ts', 'dist/bundle.mjs'].map((name) => path.join(folder, name))
  await build({ input: entry, output: { file, sourcemap: true }, logLevel: 'silent' })
  assert.deepEqual(named('dist/bundle.mjs'), written)
})

test('a line of a class is seen where the class is made after its module began', () => {
  const take = 'take() {\n    return this.#n\n  }'
  writeFileSync(
    path.join(folder, 'hidden.mjs'),
    `// Hides a name\n\nclass Hidden {\n  #n = 1\n\n  ${take}\n}\nnew Hidden().take()\n`,
  )
  const [line] = run('hidden.mjs').told as unknown[]
  assert.equal(line, 'line 7 is seen')
})

test('what cannot be stripped or parsed is loaded as it is, and why is told', () => {
  const enums = run('enum.ts', {}, [], 1)
  assert.deepEqual(enums.unwoven, [['types-not-stripped', 'enum.ts']])
  const broken = run('bad.cjs')
  assert.match(broken.said, /SyntaxError/)
  assert.deepEqual(broken.unwoven, [['not-parsed', 'worse.cjs']])
})

test('where code generation from strings is disallowed, guards work all the same', () => {
  const { told } = run('main.mjs', {}, ['--disallow-code-generation-from-strings'])
  assert.equal(told.length, 4)
})

test('what stands in for an adopted function throws what it is told to, where an async one rejects', async () => {
  const stock = {
    take: (title: string) => `took ${title}`,
    load: async (title: string) => `loaded ${title}`,
  }
  const { take, load } = stock
  const told: unknown[] = []
  const sites = adoptedFunctions({ file: 'stock.cjs', exports: stock, isBinding: false }, 'stock.cjs')
  for (const site of sites)
    site.set((_self, [title]) => ({
      value: undefined,
      clone:
        title === 'gone'
          ? () => {
              throw new Error('no room')
            }
          : undefined,
      error: (thrown) => void told.push(String(thrown)),
      exit: () => void told.push('exit'),
    }))
  assert.equal(stock.take('a'), 'took a')
  assert.throws(() => stock.take('gone'), /no room/)
  const loading = stock.load('gone')
  await assert.rejects(loading, /no room/)
  assert.equal(await stock.load('a'), 'loaded a')
  assert.deepEqual(told, ['exit', 'Error: no room', 'exit', 'Error: no room', 'exit', 'exit'])
  for (const site of sites) site.set(undefined)
  assert.deepEqual([stock.take, stock.load], [take, load])
})
