// `npm test`: every check and every test, ending with the line `N passed, N failed`.
//
//   1. types (tsc, also the web app's), format (oxfmt), lint (oxlint)             one test each
//   2. two files at a time, the longest first:
//        *.test.ts of the whole tree on Node 24
//        the folders that enter a user's process, from source, on Node 22 and 26
//        the packed tarballs, installed as a user would, on Node 22, 24 and 26 (test/packed)
//   3. one at a time what needs all cores
//
// Each file runs in a process of its own (test-files.ts). A file that failed
// runs once more after all others, alone: a test that passes then counts as passed, but is named as UNSTABLE.
// A fault fails twice; what waited too long beside a busy neighbour is told apart, and still seen. `npm test
// -- PATH...` runs only the test files under these paths (and skips what is not named): for work on one folder.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { ensureSystemPackages } from './system-packages.ts'
import { packAll } from './pack.ts'
import { runInLanes, type Failure, type Outcome, type TestRun } from './test-files.ts'
import { PROJECT_MAJOR, ROOT, ensureNode, say } from './toolchain.mjs'
import { ensureWebBuilt } from './web-build.ts'

/** What loads into a user's process is tested on every Node that the agent supports. */
const PROCESS_FOLDERS = ['core/base', 'core/baggage', 'core/advice', 'process']
const OTHER_MAJORS = [22, 26]
/**
 * They hold the latency of one part of the demo against that of another, or ask how much CPU is nobody's: a
 * neighbour that takes a core decides that, and not the part.
 */
const ALONE = [
  'test/docs/noisy-tenant.test.ts',
  'test/docs/regression.test.ts',
  'test/page/case-studies.test.ts',
  'test/throttling/attribution.test.ts',
].map((file) => path.join(ROOT, file))
/** Those of more than 30 s, in order. They go first, so that none of them runs alone at the end. */
const LONGEST = [
  'test/system/start.test.ts',
  'test/demo/faults.test.ts',
  'test/demo/parents.test.ts',
  'test/datasets/backfill.test.ts',
  'test/exchange/round-trip.test.ts',
  'test/exchange/import.test.ts',
  'test/attach/attach.test.ts',
  'test/datasets/page.test.ts',
  'test/system/first-trace.test.ts',
  'test/system/hostile-attributes.test.ts',
  'face/cli/cli.test.ts',
].map((file) => path.join(ROOT, file))
/** Named at the end, so that the list above can follow the tree. */
const LONG_MS = 30_000
/** More files than this that fail are no accident. */
const SECOND_RUN_FILES_MAX = 8

const only = process.argv.slice(2).map((name) => path.resolve(name))
const total = { passed: 0, failed: 0, skipped: 0 }
const failed: string[] = []
const unstable: string[] = []
const again = new Map<TestRun, readonly Failure[]>()
const scratch = mkdtempSync(path.join(tmpdir(), 'crosscut-test-'))
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }))
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1))
// A test file and each process it starts would strip the types of the same hundred files, and compile them:
// most of a start. Kept for one run only, so that no run sees what another left.
process.env.NODE_COMPILE_CACHE = path.join(scratch, 'compiled')

if (only.length === 0) await everything()
else {
  const chosen = testFiles('.').filter((file) => only.some((at) => isUnder(file, at)))
  await firstRun('chosen', runsOf('Node 24', process.execPath, chosen), 2)
}
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
  const packedTests = testFiles('test/packed')
  const files = testFiles('.').filter((file) => !packedTests.includes(file))
  const inProcess = files.filter((file) =>
    PROCESS_FOLDERS.some((folder) => isUnder(file, path.join(ROOT, folder))),
  )
  const beside = files.filter((file) => !ALONE.includes(file))
  const { folder } = await packAll()
  await firstRun(
    'beside each other',
    longestFirst([
      ...runsOf('Node 24', process.execPath, beside),
      ...OTHER_MAJORS.flatMap((major) => runsOf(`Node ${major}, from source`, ensureNode(major), inProcess)),
      ...[PROJECT_MAJOR, ...OTHER_MAJORS].flatMap((major) =>
        runsOf(`Node ${major}, packed`, process.execPath, packedTests, {
          CROSSCUT_PACKED: folder,
          CROSSCUT_PACKED_NODE: ensureNode(major),
        }),
      ),
    ]),
    2,
  )
  await firstRun('by themselves', runsOf('Node 24, by itself', process.execPath, ALONE), 1)
}

function runsOf(
  round: string,
  node: string,
  files: readonly string[],
  env: Readonly<Record<string, string>> = {},
): TestRun[] {
  return files.map((file) => ({ round, node, file, env }))
}

function longestFirst(runs: readonly TestRun[]): TestRun[] {
  const place = ({ file }: TestRun): number =>
    LONGEST.includes(file) ? LONGEST.indexOf(file) : LONGEST.length
  return runs.toSorted((a, b) => place(a) - place(b))
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

async function firstRun(name: string, runs: readonly TestRun[], width: number): Promise<void> {
  const begunMs = performance.now()
  const before = { ...total }
  const long: string[] = []
  await runInLanes(runs, {
    width,
    scratch,
    ended: (run, counts) => {
      process.stdout.write(counts.report)
      if (counts.ms > LONG_MS)
        long.push(`${path.relative(ROOT, run.file)} ${(counts.ms / 1000).toFixed(0)} s`)
      total.passed += counts.passed
      total.failed += counts.failed
      total.skipped += counts.skipped
      if (counts.failed > 0) again.set(run, counts.failures)
    },
  })
  const [passed, lost] = [total.passed - before.passed, total.failed - before.failed]
  say(`${name}: ${passed} passed, ${lost} failed, ${seconds(begunMs)}`)
  if (long.length > 0) say(`long: ${long.join(', ')}`)
}

/** What failed, once more and one file at a time. */
async function secondRun(): Promise<void> {
  const mended = new Set<TestRun>()
  const runs = again.size > SECOND_RUN_FILES_MAX ? [] : [...again.keys()]
  const ended = (run: TestRun, { failed: count, report }: Outcome): void => {
    process.stdout.write(report)
    if (count === 0) mended.add(run)
  }
  await runInLanes(runs, { width: 1, scratch, ended })
  for (const [run, failures] of again)
    for (const { name, file, line } of failures) {
      const what = `${name} (${file}:${line}) [${run.round}]`
      if (!mended.has(run)) failed.push(what)
      else {
        unstable.push(what)
        total.failed--
        total.passed++
      }
    }
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
