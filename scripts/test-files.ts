// Runs test files, each in a process of its own, some of them at a time, in the order given.
//
//   spawn `node FILE`, leader of a process group --> the reporter's counts and failures, in files of ours
//                                                --> what it writes, shown only if it died beside its tests
//   it exits --> its group is killed, its result counts
//
// Not `node --test FILES`: that sorts what it is given, so the longest file may run alone at the end; knows
// one Node only, so each Node has an end of its own; waits for pipes that a child left behind holds open; and
// with --test-force-exit drops the reports of files that end while it ends.

import { spawn } from 'node:child_process'
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { ROOT } from './toolchain.mjs'

export type Failure = { readonly name: string; readonly file: string; readonly line: number }
export type Counts = {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  readonly failures: readonly Failure[]
}
/** Counts, how long it took, and what a person reads of the failures: nothing when all is well. */
export type Outcome = Counts & { readonly ms: number; readonly report: string }
export type TestRun = {
  /** Shown beside failures. */
  readonly round: string
  readonly node: string
  readonly file: string
  readonly env?: Readonly<Record<string, string>>
}

/** A file that hangs fails; nothing in the tree takes more than a third of this. */
const FILE_MS_MAX = 300_000
/** Earlier, so that a test that hangs is named. */
const TEST_MS_MAX = 280_000
/** Of what a process wrote before it died. */
const TAIL_LENGTH_MAX = 4_000

/** Takes the runs in order, `width` at a time; `scratch` is a folder that the caller removes. */
export async function runInLanes(
  runs: readonly TestRun[],
  options: {
    readonly width: number
    readonly scratch: string
    readonly ended: (run: TestRun, outcome: Outcome) => void
  },
): Promise<void> {
  const { width, scratch, ended } = options
  const queue = runs.values()
  // Groups are not the terminal's: what ends us must end them.
  const groups = new Set<number>()
  const endAll = (): void => groups.forEach(killGroup)
  process.on('exit', endAll)
  const lane = async (): Promise<void> => {
    for (const run of queue) ended(run, await runFile(run, mkdtempSync(path.join(scratch, 'file-')), groups))
  }
  await Promise.all(Array.from({ length: width }, lane))
  process.off('exit', endAll)
}

async function runFile({ node, file, env }: TestRun, folder: string, groups: Set<number>): Promise<Outcome> {
  const place = (name: string): string => path.join(folder, name)
  const [countsFile, reportFile, outputFile] = [place('counts'), place('report'), place('output')]
  const args = [
    '--import',
    path.join(ROOT, 'scripts', 'property-seed.mjs'),
    `--test-timeout=${TEST_MS_MAX}`,
    // A test that failed may leave a server open, and its file would wait for that for ever.
    '--test-force-exit',
    `--test-reporter=${path.join(ROOT, 'scripts', 'test-reporter.mjs')}`,
    `--test-reporter-destination=${reportFile}`,
    file,
  ]
  const begunMs = performance.now()
  const output = openSync(outputFile, 'a')
  const child = spawn(node, args, {
    cwd: ROOT,
    stdio: ['ignore', output, output],
    detached: true,
    env: {
      ...process.env,
      ...env,
      CROSSCUT_TEST_COUNTS: countsFile,
      NODE_NO_WARNINGS: '1',
      // Of a `node --test` above us, whose reporter it would force on the file.
      NODE_TEST_CONTEXT: undefined,
    },
  })
  closeSync(output)
  const { pid = 0 } = child
  groups.add(pid)
  const timer = setTimeout(() => killGroup(pid), FILE_MS_MAX)
  const code = await new Promise<number | string>((resolve) => {
    child.on('exit', (status, signal) => resolve(status ?? signal ?? 1))
    child.on('error', (error) => resolve(error.message))
  })
  clearTimeout(timer)
  killGroup(pid)
  groups.delete(pid)
  const ms = performance.now() - begunMs
  const report = textOf(reportFile)
  const told = existsSync(countsFile) ? (JSON.parse(textOf(countsFile)) as Counts) : undefined
  if (told !== undefined && (code === 0 || told.failed > 0)) return { ...told, ms, report }
  const name = `the file ended with ${code}`
  return {
    passed: told?.passed ?? 0,
    skipped: told?.skipped ?? 0,
    failed: 1,
    failures: [{ name, file, line: 0 }],
    ms,
    report: `${report}\nnot ok: ${name}\n  at ${file}\n${textOf(outputFile).slice(-TAIL_LENGTH_MAX)}\n`,
  }
}

function textOf(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8') : ''
}

/** What the test left behind too. Never group 0: that is ours. */
function killGroup(pid: number): void {
  if (pid <= 0) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // Nobody is left: the usual case.
  }
}
