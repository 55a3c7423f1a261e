// Feature files in their processes: what a good one gives, and that each way to go wrong is told, ended and
// replaced, while those of others run on.

import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, describe, it } from 'node:test'
import { buildTrace, type LooseOtlpSpan, type RowPer } from '#model'
import { columnsOfFile, readFeatureFile } from './feature-file.ts'
import { FileHosts, type FileResult } from './file-hosts.ts'
import { FEATURE_FILE_BYTES_MAX, FILE_HOSTS_MAX } from './limits.ts'

const span: LooseOtlpSpan = {
  traceId: 'a'.repeat(32),
  spanId: '1'.repeat(16),
  name: 'GET /',
  startTimeUnixNano: '1000000',
  endTimeUnixNano: '3000000',
  resource: { attributes: [{ key: 'service.name', value: { stringValue: 'web' } }] },
}
const trace = buildTrace([span])

type File = {
  readonly body: string
  readonly columns?: string
  readonly rowPer?: RowPer
  readonly top?: string
}

let made = 0
const programOf = ({ body, columns = `{ n: 'number' }`, rowPer = 'trace', top = '' }: File) => ({
  key: `${made++}`,
  name: 'own.ts',
  rowPer,
  source: `${top}\nexport const columns = ${columns}\nexport function features(trace: any): unknown { ${body} }`,
})
const GOOD = programOf({ body: 'return { n: trace.blocks.length }' })

describe('files of owners, each in a process of its own', () => {
  const hosts = new FileHosts()
  after(() => hosts.close())
  const run = (file: File): Promise<FileResult> => hosts.run('me', [programOf(file)], trace)

  async function failureOf(file: File): Promise<string> {
    const { outcomes } = await run(file)
    const [outcome] = outcomes
    assert.equal(outcome?.kind, 'failed', JSON.stringify(outcome))
    return outcome.message
  }

  async function rowsOf(file: File): Promise<unknown> {
    const { outcomes } = await run(file)
    const [outcome] = outcomes
    assert.equal(outcome?.kind, 'rows', JSON.stringify(outcome))
    return outcome.rows
  }

  it('a row is what the function gives, in the order of the columns; what is left out is null', async () => {
    const ms = `ms: { type: 'number', unit: 'ms' }`
    const columns = `{ ${ms}, name: 'string', all: 'strings', ok: 'boolean', no: 'string' }`
    const body = `const [root] = trace.blocks
      const ms = Number(root.endNs - root.startNs) / 1e6
      return { ok: true, all: [root.service, 'b'], name: root.name, ms }`
    assert.deepEqual(await rowsOf({ columns, body }), [{ values: [2, 'GET /', ['web', 'b'], true, null] }])
    assert.deepEqual(await rowsOf({ body: 'return undefined' }), [])
  })

  it('rows of elements carry the span they are of', async () => {
    const body = 'return trace.blocks.map(({ spanId }: { spanId: string }) => ({ element: spanId, n: 1 }))'
    assert.deepEqual(await rowsOf({ body, rowPer: 'block' }), [{ element: '1'.repeat(16), values: [1] }])
    assert.match(await failureOf({ body: 'return [{ n: 1 }]', rowPer: 'block' }), /id of a span.*undefined/)
    assert.match(await failureOf({ body: 'return [{ n: 1 }, { n: 2 }]' }), /gave 2 rows/)
  })

  it('a file uses what crosscut/traces exports', async () => {
    const top = `import { criticalPath, type Trace } from 'crosscut/traces'`
    const body = 'return { n: criticalPath(trace as Trace).length }'
    assert.deepEqual(await rowsOf({ top, body }), [{ values: [1] }])
  })

  it('a number that is none is null and counted', async () => {
    const { outcomes } = await run({ body: 'return { n: trace.blocks.length / 0 }' })
    const [outcome] = outcomes
    assert.ok(outcome?.kind === 'rows')
    assert.deepEqual([outcome.rows, outcome.notFinite], [[{ values: [null] }], 1])
  })

  const wrong: readonly (readonly [body: string, says: RegExp])[] = [
    [`return { n: '1' }`, /'n' is a number; features gave a string/],
    ['return { n: 1n }', /'n' is a number; features gave a bigint/],
    ['return { n: [1] }', /'n' is a number; features gave a list/],
    ['return { m: 1 }', /gave 'm', which is no column/],
    ['return 5', /gave a number; a row is an object/],
    ['return Promise.resolve({ n: 1 })', /gave a Promise/],
    [`throw new TypeError('no such thing')`, /own\.ts:3:\d+ TypeError: no such thing/],
    [`throw { get message() { throw 1 }, toString() { throw 2 } }`, /threw what cannot be read/],
    ['return { get n() { throw new Error("getter") } }', /Error: getter/],
    ['return ((f: any) => f(f))((f: any) => f(f) + 1)', /RangeError: Maximum call stack/],
    ['return { n: process.pid }', /process is not defined/],
    ['setTimeout(() => undefined); return { n: 1 }', /setTimeout is not defined/],
  ]
  it('what throws or gives another type has failed, and is told with its place', async () => {
    for (const [body, says] of wrong) assert.match(await failureOf({ body }), says)
    const { outcomes, ends } = await hosts.run('me', [programOf({ body: wrong[0]![0] }), GOOD], trace)
    assert.deepEqual([outcomes.map(({ kind }) => kind), ends], [['failed', 'rows'], []])
  })

  // Bit by bit: where a machine gives memory slowly, a second of CPU is over before.
  const ended: readonly (readonly [what: string, body: string, reasons: string])[] = [
    ['loops', 'for (;;);', 'cpu'],
    ['loops in what it left behind', `return Promise.resolve().then(() => { for (;;); })`, 'cpu'],
    ['allocates objects', 'const all = []; for (;;) all.push(new Array(1e5).fill(1.5))', 'memory or cpu'],
    ['allocates buffers', 'const all = []; for (;;) all.push(new Uint8Array(1e7).fill(1))', 'memory or cpu'],
    [
      'allocates at once',
      'const all = new Array(2 ** 27).fill(1.5); return { n: all.concat(all).length }',
      'memory',
    ],
    ['doubles a text', `let text = 'ab'; for (;;) { text += text; /x/.test(text) }`, ''],
  ]
  for (const [what, body, reasons] of ended)
    it(`a file that ${what} is ended; the next one and other owners have their rows`, async () => {
      const own = hosts.run('wild', [programOf({ body }), GOOD], trace)
      const others = await Promise.all([own, hosts.run('calm', [GOOD], trace)])
      const [wild, calm] = others
      assert.deepEqual(
        wild.outcomes.map(({ kind }) => kind),
        ['failed', 'rows'],
      )
      if (reasons !== '')
        assert.ok(wild.ends.every((one) => reasons.includes(one)) && wild.ends.length > 0, wild.ends.join())
      assert.deepEqual(
        calm.outcomes.map(({ kind }) => kind),
        ['rows'],
      )
      const again = await hosts.run('wild', [GOOD], trace)
      assert.equal(again.outcomes[0]?.kind, 'rows', 'its process was replaced')
    })

  it('a file that cannot be loaded is told why, by line', async () => {
    const columns = (source: string) => columnsOfFile({ name: 'own.ts', source, rowPer: 'trace' })
    const good = `export const features = () => ({})\n`
    for (const [source, says] of [
      ['export const x = ;', /own\.ts.*(Expression|Unexpected)/s],
      ['export enum A { B }', /enum/],
      [`throw new Error('at load')`, /own\.ts:1:\d+ Error: at load/],
      [`export const columns = { n: 'number' }`, /must export a function/],
      [good, /must export its columns/],
      [`${good}export const columns = {}`, /0 columns/],
      [`${good}export const columns = { n: 'integer' }`, /n is one of number/],
      [`${good}export const columns = { n: { type: 'string', unit: 'ms' } }`, /a unit is of a number/],
      [`import 'node:fs'\n${good}`, /imports node:fs; a feature file may import crosscut\/traces/],
      [`import '../../../../etc/passwd'\n${good}`, /imports \.\.\/\.\.\/\.\.\/\.\.\/etc\/passwd/],
      [`import '${import.meta.url}'\n${good}`, /imports file:/],
      ['for (;;);', /CPU to load/],
    ] as const)
      await assert.rejects(columns(source), says)
  })

  it('what gets at the process all the same reads no file and starts no program', async () => {
    // The way out that sandboxes know best: the constructor of a function.
    const builtin = (name: string): string =>
      `(() => {}).constructor('return this')().process?.getBuiltinModule('${name}')`
    assert.deepEqual(await rowsOf({ body: `return { n: ${builtin('fs')} === undefined ? 0 : 1 }` }), [
      { values: [0] },
    ])
    const body = `return import('node:fs').then(() => ({ n: 1 }))`
    assert.match(await failureOf({ body }), /Promise/)
  })

  it('no more processes than there may be, however many owners', async () => {
    for (let i = 0; i < FILE_HOSTS_MAX + 2; i++) await hosts.run(`owner ${i}`, [GOOD], trace)
    assert.equal(hosts.size, FILE_HOSTS_MAX)
  })
})

describe('a feature file by its name', () => {
  const root = mkdtempSync(path.join(tmpdir(), 'crosscut-feature-files-'))
  const folder = path.join(root, 'features')
  mkdirSync(path.join(folder, 'folder.ts'), { recursive: true })
  after(() => rmSync(root, { recursive: true, force: true }))

  it('a path, a link, a folder, what is not there and what is too large are refused', () => {
    writeFileSync(path.join(folder, 'good.ts'), 'export {}')
    writeFileSync(path.join(root, 'secret.ts'), 'secret')
    writeFileSync(path.join(folder, 'last.ts'), ' '.repeat(FEATURE_FILE_BYTES_MAX))
    writeFileSync(path.join(folder, 'large.ts'), ' '.repeat(FEATURE_FILE_BYTES_MAX + 1))
    symlinkSync(path.join(root, 'secret.ts'), path.join(folder, 'link.ts'))
    assert.equal(readFeatureFile(folder, 'good.ts'), 'export {}')
    assert.equal(readFeatureFile(folder, 'last.ts').length, FEATURE_FILE_BYTES_MAX)
    for (const [name, says] of [
      ['../secret.ts', /no name of a feature file/],
      ['..%2fsecret.ts', /no name of a feature file/],
      [path.join(root, 'secret.ts'), /no name of a feature file/],
      ['good.ts\0.ts', /no name of a feature file/],
      ['good.js', /no name of a feature file/],
      ['...ts', /no name of a feature file/],
      ['gone.ts', /there is no feature file gone.ts/],
      ['link.ts', /there is no feature file link.ts/],
      ['folder.ts', /is no file/],
      ['large.ts', /has 131073 bytes/],
    ] as const)
      assert.throws(() => readFeatureFile(folder, name), says)
  })
})
