// `npm test`: every check and every test, ending with the line `N passed, N failed`.
//
//   1. types (tsc, also the web app's), format (oxfmt), lint (oxlint)             one test each
//   2. *.test.ts of the whole tree on Node 24, two files at a time, and one at a time what needs all cores
//   3. the folders that enter a user's process, from source, on Node 22 and 26
//   4. the packed tarballs, installed as a user would, on Node 22, 24 and 26 (test/packed)
//
// Steps 2-4 run in child processes with our reporter, which leaves its counts in a file. A file that failed
// runs once more after all others, alone: a test that passes then counts as passed, but is named as UNSTABLE.
// A fault fails twice; what waited too long beside a busy neighbour is told apart, and still seen. `npm test
// -- PATH...` runs only the test files under these paths (and skips what is not named): for work on one folder.

import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { ensureSystemPackages } from './system-packages.ts'
import { packAll } from './pack.ts'
import { PROJECT_MAJOR, ROOT, ensureNode, say } from './toolchain.mjs'
import { ensureWebBuilt } from './web-build.ts'

type Failure = { readonly name: string; readonly file: string; readonly line: number }
type Counts = { passed: number; failed: number; skipped: number; failures: Failure[] }
type Round = {
  readonly name: string
  readonly node: string
  readonly files: readonly string[]
  readonly env?: Record<string, string>
  /** Files at a time; default 2. */
  readonly concurrency?: number
}

/** What loads into a user's process is tested on every Node that the agent supports. */
const PROCESS_FOLDERS = ['core/base', 'core/baggage', 'core/advice', 'process']
const OTHER_MAJORS = [22, 26]
/**
 * They hold the latency of one part of the demo against that of another: a neighbour that takes a core
 * decides that, and not the part.
 */
const ALONE = [
  'test/docs/noisy-tenant.test.ts',
  'test/docs/regression.test.ts',
  'test/page/case-studies.test.ts',
].map((file) => path.join(ROOT, file))
/** More files than this that fail in one round are no accident. */
const SECOND_RUN_FILES_MAX = 8
/** A file that hangs fails; nothing in the tree takes more than a third of this. */
const FILE_MS_MAX = 300_000

const only = process.argv.slice(2).map((name) => path.resolve(name))
const total = { passed: 0, failed: 0, skipped: 0 }
const failed: string[] = []
const unstable: string[] = []
const again: { readonly round: Round; readonly failures: readonly Failure[] }[] = []
const scratch = mkdtempSync(path.join(tmpdir(), 'crosscut-test-'))
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }))

if (only.length === 0) await everything()
else
  await firstRun({
    name: 'chosen',
    node: process.execPath,
    files: testFiles('.').filter((file) => only.some((at) => isUnder(file, at))),
  })
await secondRun()

for (const what of unstable) console.log(`UNSTABLE ${what}: passed when it ran alone`)
for (const what of failed) console.log(`FAILED ${what}`)
const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : ''
console.log(`${total.passed} passed, ${total.failed} failed${skipped}`)
process.exit(total.failed === 0 && total.passed > 0 ? 0 : 1)

async function everything(): Promise<void> {
  ensureSystemPackages()
  await ensureWebBuilt()
  check('types', ['node_modules/typescript/bin/tsc', '-p', '.'])
  check('types of the web app', ['node_modules/typescript/bin/tsc', '-p', 'face/web'])
  check('format', ['node_modules/oxfmt/bin/oxfmt', '--check', '.'])
  check('lint', ['node_modules/oxlint/bin/oxlint', '--deny-warnings', '--quiet', '.'])
  const files = testFiles('.').filter((file) => !isUnder(file, path.join(ROOT, 'test', 'packed')))
  const beside = files.filter((file) => !ALONE.includes(file))
  await firstRun({ name: 'Node 24', node: process.execPath, files: beside })
  await firstRun({ name: 'Node 24, by themselves', node: process.execPath, files: ALONE, concurrency: 1 })
  for (const major of OTHER_MAJORS) {
    const inProcess = files.filter((file) =>
      PROCESS_FOLDERS.some((folder) => isUnder(file, path.join(ROOT, folder))),
    )
    await firstRun({ name: `Node ${major}, from source`, node: ensureNode(major), files: inProcess })
  }
  const packed = await packAll()
  const packedTests = testFiles('test/packed')
  for (const major of [PROJECT_MAJOR, ...OTHER_MAJORS]) {
    await firstRun({
      name: `Node ${major}, packed`,
      node: process.execPath,
      files: packedTests,
      env: { CROSSCUT_PACKED: packed.folder, CROSSCUT_PACKED_NODE: ensureNode(major) },
    })
  }
}

/** A check of the whole tree counts as one test. */
function check(name: string, args: readonly string[]): void {
  const begunMs = performance.now()
  const done = spawnSync(process.execPath, [...args], { cwd: ROOT, encoding: 'utf8' })
  say(`${name}: ${seconds(begunMs)}`)
  if (done.status === 0) {
    total.passed++
    return
  }
  total.failed++
  failed.push(name)
  console.log(`\nnot ok: ${name}\n${done.stdout}${done.stderr}`)
}

async function firstRun(round: Round): Promise<void> {
  if (round.files.length === 0) return
  const { counts, isWhole } = await runFiles(round)
  total.passed += counts.passed
  total.failed += counts.failed
  total.skipped += counts.skipped
  if (counts.failures.length > 0) again.push({ round, failures: counts.failures })
  if (isWhole) return
  total.failed++
  failed.push(`the test runner [${round.name}]`)
}

/** What failed, once more and one file at a time. */
async function secondRun(): Promise<void> {
  for (const { round, failures } of again) {
    const files = [...new Set(failures.map(({ file }) => file))].filter((file) => round.files.includes(file))
    const isTooMuch = files.length === 0 || files.length > SECOND_RUN_FILES_MAX
    const second = isTooMuch
      ? undefined
      : await runFiles({ ...round, name: `${round.name}, alone`, files, concurrency: 1 })
    for (const { name, file, line } of failures) {
      const what = `${name} (${file}:${line}) [${round.name}]`
      const isMended =
        second?.isWhole === true &&
        files.includes(file) &&
        !second.counts.failures.some((failure) => failure.file === file)
      if (isMended) {
        unstable.push(what)
        total.failed--
        total.passed++
      } else failed.push(what)
    }
  }
}

async function runFiles({
  name,
  node,
  files,
  env,
  concurrency = 2,
}: Round): Promise<{ readonly counts: Counts; readonly isWhole: boolean }> {
  const begunMs = performance.now()
  const countsFile = path.join(scratch, `${name.replaceAll(/\W+/g, '-')}.json`)
  const args = [
    '--import',
    path.join(ROOT, 'scripts', 'property-seed.mjs'),
    '--test',
    `--test-concurrency=${concurrency}`,
    `--test-timeout=${FILE_MS_MAX}`,
    // A test that failed may leave a server open, and its file would wait for that for ever.
    '--test-force-exit',
    `--test-reporter=${path.join(ROOT, 'scripts', 'test-reporter.mjs')}`,
    ...files,
  ]
  const child = spawn(node, args, {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...env, CROSSCUT_TEST_COUNTS: countsFile, NODE_NO_WARNINGS: '1' },
  })
  const code = await new Promise<number>((resolve) => child.on('exit', (status) => resolve(status ?? 1)))
  const told = existsSync(countsFile) ? (JSON.parse(readFileSync(countsFile, 'utf8')) as Counts) : undefined
  const counts = told ?? { passed: 0, failed: 0, skipped: 0, failures: [] }
  say(`${name}: ${counts.passed} passed, ${counts.failed} failed, ${seconds(begunMs)}`)
  return { counts, isWhole: told !== undefined && (code === 0 || counts.failed > 0) }
}

function testFiles(folder: string): string[] {
  const skip = new Set(['node_modules', 'dist', '.git', '.toolchain', '.crosscut'])
  const found: string[] = []
  const at = path.resolve(ROOT, folder)
  if (!existsSync(at)) return found
  for (const entry of readdirSync(at, { withFileTypes: true })) {
    if (entry.isDirectory() && !skip.has(entry.name)) found.push(...testFiles(path.join(at, entry.name)))
    if (entry.isFile() && entry.name.endsWith('.test.ts')) found.push(path.join(at, entry.name))
  }
  return found.sort()
}

function isUnder(file: string, place: string): boolean {
  return file === place || file.startsWith(place + path.sep)
}

function seconds(sinceMs: number): string {
  return `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`
}
