// `npm start` from its first process on: it serves, its demo is traced, and Ctrl-C leaves nothing behind.

import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import type { TraceSearchResult } from '#protocol'
import { ROOT } from '../../scripts/toolchain.mjs'
import { ended, freePort, until } from './running.ts'

/** Nine processes start, on a machine where other tests run. */
const START_MS_MAX = 150_000
const MARK = 'CROSSCUT_START_TEST'
const skip = process.platform !== 'linux' && 'processes are looked up in /proc'

type Started = {
  readonly first: ChildProcess
  readonly home: string
  readonly url: string
  readonly loginUrl: string
  readonly temporary: string
}

const homes: string[] = []
const groups: number[] = []
after(() => {
  for (const group of groups)
    try {
      process.kill(-group, 'SIGKILL')
    } catch {
      // It has ended, as it should.
    }
  for (const home of homes) rmSync(home, { recursive: true, force: true })
})

/** Resolves when it has said `ready`. A group of its own, as a terminal gives a command. */
async function npmStart(more: readonly string[], ready: string): Promise<Started> {
  const home = mkdtempSync(path.join(tmpdir(), 'crosscut-start-'))
  homes.push(home)
  const temporary = path.join(home, 'tmp')
  mkdirSync(temporary)
  const url = `http://127.0.0.1:${await freePort()}`
  const places = ['--data', path.join(home, 'data'), '--port', new URL(url).port, '--otlp-port', '0']
  const first = spawn(
    process.execPath,
    [path.join(ROOT, 'scripts', 'bootstrap.mjs'), 'start', ...more, ...places],
    {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      env: { ...process.env, [MARK]: home, TMPDIR: temporary },
    },
  )
  groups.push(first.pid ?? 0)
  let said = ''
  for (const stream of [first.stdout, first.stderr])
    stream.on('data', (bytes: Buffer) => (said += bytes.toString()))
  await until(
    () => {
      assert.equal(first.exitCode, null, said)
      return said.includes(ready)
    },
    () => `it did not say '${ready}':\n${said}`,
    START_MS_MAX,
  )
  const loginUrl = /https?:\/\/\S+\/login\?token=\S+/.exec(said)?.[0] ?? ''
  assert.ok(loginUrl.startsWith(url), said)
  return { first, home, url, loginUrl, temporary }
}

/** Command lines of the processes that are alive and have our mark in their environment. */
function alive(home: string): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return []
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, 'utf8')
      if (!environment.split('\0').includes(`${MARK}=${home}`)) return []
      return [readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')]
    } catch {
      return []
    }
  })
}

test(
  'the demo is traced; Ctrl-C ends every process and takes its temporary files along',
  { skip },
  async () => {
    const flags = ['--datanodes', '2', '--tenants', 'web', '--load', '0.5']
    const { first, home, url, loginUrl, temporary } = await npmStart(flags, 'the demo system is under load')
    const opened = await fetch(loginUrl, { redirect: 'manual' })
    const cookie = opened.headers.getSetCookie().map((one) => one.split(';')[0])
    const search = `${url}/api/v1/traces?service=gateway`
    await until(
      async () => {
        const answer = await fetch(search, { headers: { cookie: cookie.join('; ') } })
        return answer.ok && ((await answer.json()) as TraceSearchResult).traces.length > 0
      },
      () => 'no trace of the demo is there',
    )
    // The first process, the start, the server and its store, the demo's own and its six.
    assert.ok(alive(home).length >= 11, alive(home).join('\n'))
    const gone = ended(first)
    // What a terminal does at Ctrl-C: everybody of the group hears it.
    process.kill(-(first.pid ?? 0), 'SIGINT')
    await gone
    assert.deepEqual([first.exitCode, alive(home), readdirSync(temporary)], [0, [], []])
  },
)

test(
  '--no-demo starts the server alone; a SIGTERM to the first process ends it whole',
  { skip },
  async () => {
    const { first, home, url } = await npmStart(['--no-demo'], 'Crosscut is running')
    await until(
      async () => (await fetch(`${url}/readyz`)).ok,
      () => 'the server is not ready',
    )
    assert.ok(!alive(home).some((line) => line.includes('demo/main.ts')), alive(home).join('\n'))
    const gone = ended(first)
    first.kill('SIGTERM')
    await gone
    assert.deepEqual([first.exitCode, alive(home)], [0, []])
  },
)
