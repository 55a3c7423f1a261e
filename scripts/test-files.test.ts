// What becomes of a test file that does not end as it should: it fails alone, and nothing of it stays.

import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { runInLanes, type Outcome } from './test-files.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'crosscut-test-files-'))
after(() => rmSync(folder, { recursive: true, force: true }))

async function outcomesOf(texts: Readonly<Record<string, string>>, width = 2): Promise<Map<string, Outcome>> {
  const outcomes = new Map<string, Outcome>()
  const runs = Object.entries(texts).map(([name, text]) => {
    const file = path.join(folder, `${name}.mjs`)
    writeFileSync(file, text)
    return { round: 'now', node: process.execPath, file }
  })
  await runInLanes(runs, {
    width,
    scratch: folder,
    ended: ({ file }, outcome) => outcomes.set(path.basename(file, '.mjs'), outcome),
  })
  return outcomes
}

const plain = ({ passed, failed, skipped }: Outcome): readonly number[] => [passed, failed, skipped]

test('leaves of suites count, a test that is skipped counts as that, what passes says nothing', async () => {
  const { good } = Object.fromEntries(
    await outcomesOf({
      good: `import { describe, test } from 'node:test'
        console.log('noise')
        describe('suite', () => { test('a', () => {}); test('b', () => {}) })
        test('c', { skip: true }, () => {})`,
    }),
  )
  assert.ok(good)
  assert.deepEqual([plain(good), good.report], [[2, 0, 1], ''])
})

test('a process that a failed test leaves behind, its pipes open, is ended and not waited for', async () => {
  const pidFile = path.join(folder, 'pid')
  const { left } = Object.fromEntries(
    await outcomesOf({
      left: `import { spawn } from 'node:child_process'
        import { writeFileSync } from 'node:fs'
        import { test } from 'node:test'
        test('passes', () => {})
        test('leaves a child', () => {
          const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' })
          writeFileSync(${JSON.stringify(pidFile)}, String(child.pid))
          throw new Error('on purpose')
        })`,
    }),
  )
  assert.ok(left)
  assert.deepEqual(plain(left), [1, 1, 0])
  assert.match(left.report, /not ok: leaves a child[^]*on purpose/)
  assert.equal(await isGone(Number(readFileSync(pidFile, 'utf8'))), true)
})

for (const [name, how, text, says] of [
  ['a file that does not load', 'load', `import './not-there.mjs'`, /ERR_MODULE_NOT_FOUND/],
  ['a file that says nothing', 'mute', '', /the file ended with 0/],
  [
    'a file that is killed',
    'killed',
    `import { test } from 'node:test'
     test('dies', () => process.kill(process.pid, 'SIGKILL'))`,
    /SIGKILL/,
  ],
  [
    'a file that fails beside its tests',
    'beside',
    `import { test } from 'node:test'
     test('passes', () => {})
     process.on('exit', () => { process.exitCode = 7 })`,
    /the file ended with 7/,
  ],
  [
    'a file whose test throws once it has passed',
    'late',
    `import { test } from 'node:test'
     test('passes', () => { setTimeout(() => { throw new Error('too late') }, 20) })
     test('waits', () => new Promise((resolve) => setTimeout(resolve, 200)))`,
    /too late[^]*the file ended with 1/,
  ],
] as const)
  test(`${name} fails, and tells how it ended`, async () => {
    const outcome = (await outcomesOf({ [how]: text })).get(how)
    assert.ok(outcome)
    assert.equal(outcome.failed, 1)
    assert.match(outcome.report, says)
    assert.equal(existsSync(outcome.failures[0]?.file ?? ''), true)
  })

test('files begin in the order given', async () => {
  const text = `import { test } from 'node:test'
    test('passes', () => {})`
  assert.deepEqual([...(await outcomesOf({ z: text, a: text, m: text }, 1)).keys()], ['z', 'a', 'm'])
})

/** A killed child of a process that is gone is one until init has seen it. */
async function isGone(pid: number): Promise<boolean> {
  for (let i = 0; i < 100; i++) {
    const stat = `/proc/${pid}/stat`
    if (!existsSync(stat) || / [ZX] /.test(readFileSync(stat, 'utf8'))) return true
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return false
}
