// The style holds over the whole tree, and each rule refuses what it is there to refuse.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { CORE, FOLDERS, IMPORT_TABLE } from './import-table.ts'
import {
  columns,
  deadFiles,
  foreignPlaces,
  header,
  imports,
  importsOf,
  links,
  tidy,
  unfinished,
} from './tidy.ts'
import { ROOT } from './toolchain.mjs'

const TEXT = /\.(ts|tsx|mjs|md|bdl|json|yml|html|css)$/
/** Made by a program, or bytes of a format. */
const NOT_OURS = /^(package-lock\.json|LICENSE)$|\/golden\/|\/generated\//

const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: ROOT,
  encoding: 'utf8',
})
  .split('\n')
  .filter((name) => TEXT.test(name) && !NOT_OURS.test(name) && existsSync(path.join(ROOT, name)))
  .map((name) => ({ path: name, text: readFileSync(path.join(ROOT, name), 'utf8') }))

test('the tree is tidy', () => {
  const problems = tidy(files, (place) => existsSync(path.join(ROOT, place)))
  assert.deepEqual(
    problems.map((problem) => `${problem.path}:${problem.line} ${problem.message}`),
    [],
  )
})

test('no folder imports up the table: core knows only core', () => {
  for (const folder of CORE) {
    for (const face of IMPORT_TABLE[folder] ?? [])
      assert.ok((CORE as readonly string[]).includes(face), `${folder} -> ${face}`)
  }
})

test('the import table has no cycle', () => {
  const done = new Set<string>()
  const walk = (folder: string, trail: readonly string[]): void => {
    assert.ok(!trail.includes(folder), `cycle: ${[...trail, folder].join(' -> ')}`)
    if (done.has(folder)) return
    for (const face of IMPORT_TABLE[folder] ?? []) walk(face, [...trail, folder])
    done.add(folder)
  }
  for (const folder of Object.keys(FOLDERS)) walk(folder, [])
})

describe('each rule refuses what it is there to refuse', () => {
  const bad = (path: string, text: string) => ({ path, text })

  test('a file without a header', () => {
    assert.equal(header(bad('core/base/x.ts', 'export const x = 1\n')).length, 1)
    assert.equal(header(bad('core/base/x.ts', '// What x is.\nexport const x = 1\n')).length, 0)
  })
  test('a line of 111 columns, not one of 110', () => {
    const line = (length: number) => `// ${'a b '.repeat(60)}`.slice(0, length)
    assert.equal(columns(bad('core/base/x.ts', line(111))).length, 1)
    assert.equal(columns(bad('core/base/x.ts', line(110))).length, 0)
  })
  test('unfinished work', () => {
    assert.equal(unfinished(bad('core/base/x.ts', `// ${'TO' + 'DO'}: later`)).length, 1)
  })
  test('an import against the table, by face, by path, by package, of Node in core', () => {
    const lines = [
      "import { a } from '#agent'",
      "import { b } from '../../process/agent/b.ts'",
      "import c from 'lodash'",
      "import fs from 'node:fs'",
    ]
    for (const line of lines) assert.equal(imports(bad('core/base/x.ts', line)).length, 1, line)
    assert.equal(
      imports(bad('core/baggage/x.ts', "import { a } from '#base'\nimport { b } from './b.ts'")).length,
      0,
    )
    assert.equal(imports(bad('core/baggage/types/x.ts', "import { b } from '../b.ts'")).length, 0)
  })
  test('an import that spans lines is seen', () => {
    assert.deepEqual(importsOf("import {\n  a,\n  b,\n} from '#store'\n"), [{ specifier: '#store', line: 4 }])
  })
  test('a file that nobody imports', () => {
    const alive = [bad('core/base/a.ts', ''), bad('core/base/index.ts', "export * from './a.ts'")]
    assert.deepEqual(deadFiles(alive), [])
    assert.equal(deadFiles([...alive, bad('core/base/b.ts', '')]).length, 1)
  })
  test('a link that leads nowhere', () => {
    assert.equal(links(bad('docs/x.md', 'see [there](./gone.md)'), () => false).length, 1)
    assert.equal(links(bad('docs/x.md', 'see [the web](https://example.org)'), () => false).length, 0)
  })
  test('a path of one machine', () => {
    assert.equal(foreignPlaces(bad('README.md', `see ${'/wo' + 'rk/'}x`)).length, 1)
  })
})
