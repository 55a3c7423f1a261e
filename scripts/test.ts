// `npm test`: every check and every test, ending with the line `N passed, N failed`.
//
//   1. types (tsc, also the web app's), format (oxfmt), lint (oxlint)             one test each
//   2. *.test.ts of the whole tree on Node 24
//   3. the folders that enter a user's process, from source, on Node 22 and 26
//   4. the packed tarballs, installed as a user would, on Node 22, 24 and 26 (test/packed)
//
// Steps 2-4 run in child processes with our reporter, which leaves its counts in a file. `npm test --
// PATH...` runs only the test files under these paths (and skips what is not named): for work on one folder.

import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { ensureSystemPackages } from './system-packages.ts'
import { packAll } from './pack.ts'
import { PROJECT_MAJOR, ROOT, ensureNode, say } from './toolchain.mjs'
import { ensureWebBuilt } from './web-build.ts'

type Counts = { passed: number; failed: number; skipped: number; failures: string[] }

/** What loads into a user's process is tested on every Node that the agent supports. */
const PROCESS_FOLDERS = ['core/base', 'core/baggage', 'core/advice', 'process']
const OTHER_MAJORS = [22, 26]
/** A file that hangs fails; nothing in the tree takes more than a third of this. */
const FILE_MS_MAX = 300_000

const only = process.argv.slice(2).map((name) => path.resolve(name))
const total: Counts = { passed: 0, failed: 0, skipped: 0, failures: [] }
const scratch = mkdtempSync(path.join(tmpdir(), 'crosscut-test-'))
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }))

if (only.length === 0) await everything()
else
  await runFiles(
    'chosen',
    process.execPath,
    testFiles('.').filter((file) => only.some((at) => isUnder(file, at))),
  )

for (const failure of total.failures) console.log(`FAILED ${failure}`)
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
  await runFiles('Node 24', process.execPath, files)
  for (const major of OTHER_MAJORS) {
    const inProcess = files.filter((file) =>
      PROCESS_FOLDERS.some((folder) => isUnder(file, path.join(ROOT, folder))),
    )
    await runFiles(`Node ${major}, from source`, ensureNode(major), inProcess)
  }
  const packed = await packAll()
  const packedTests = testFiles('test/packed')
  for (const major of [PROJECT_MAJOR, ...OTHER_MAJORS]) {
    await runFiles(`Node ${major}, packed`, process.execPath, packedTests, {
      CROSSCUT_PACKED: packed.folder,
      CROSSCUT_PACKED_NODE: ensureNode(major),
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
  total.failures.push(name)
  console.log(`\nnot ok: ${name}\n${done.stdout}${done.stderr}`)
}

async function runFiles(
  name: string,
  node: string,
  files: readonly string[],
  env: Record<string, string> = {},
): Promise<void> {
  if (files.length === 0) return
  const begunMs = performance.now()
  const countsFile = path.join(scratch, `${name.replaceAll(/\W+/g, '-')}.json`)
  const args = [
    '--test',
    '--test-concurrency=2',
    `--test-timeout=${FILE_MS_MAX}`,
    `--test-reporter=${path.join(ROOT, 'scripts', 'test-reporter.mjs')}`,
    ...files,
  ]
  const child = spawn(node, args, {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...env, CROSSCUT_TEST_COUNTS: countsFile, NODE_NO_WARNINGS: '1' },
  })
  const code = await new Promise<number>((resolve) => child.on('exit', (status) => resolve(status ?? 1)))
  const counts = existsSync(countsFile) ? (JSON.parse(readFileSync(countsFile, 'utf8')) as Counts) : undefined
  if (counts === undefined || (code !== 0 && counts.failed === 0)) {
    total.failed++
    total.failures.push(`${name}: the test runner ended with ${code}`)
  }
  total.passed += counts?.passed ?? 0
  total.failed += counts?.failed ?? 0
  total.skipped += counts?.skipped ?? 0
  total.failures.push(...(counts?.failures ?? []).map((failure) => `${failure} [${name}]`))
  say(`${name}: ${counts?.passed ?? 0} passed, ${counts?.failed ?? 0} failed, ${seconds(begunMs)}`)
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
