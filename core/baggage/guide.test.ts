// The guide's examples are run as they stand: all code of the page is one program, and each comment behind a
// console.log is what it must print.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

test('every example of the guide prints what the guide says', () => {
  const page = readFileSync(new URL('../../docs/guides/baggage-in-your-code.md', import.meta.url), 'utf8')
  const code = [...page.matchAll(/```ts\n(.*?)```/gs)].map((match) => match[1]).join('')
  const expected = [...code.matchAll(/console\.log\(.*\)\n\/\/ (.*)/g)].map((match) => match[1])
  assert.equal(expected.length, 3)
  const folder = mkdtempSync(join(tmpdir(), 'guide-'))
  try {
    const publicModule = new URL('./public.ts', import.meta.url).href
    // One line a value, as the guide prints them.
    const setup = "import { inspect } from 'node:util'\ninspect.defaultOptions.breakLength = Infinity\n"
    writeFileSync(
      join(folder, 'guide.mts'),
      setup + code.replace("'crosscut/baggage'", JSON.stringify(publicModule)),
    )
    const printed = execFileSync(process.execPath, ['guide.mts'], { cwd: folder, encoding: 'utf8' })
    assert.deepEqual(printed.trim().split('\n'), expected)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
