// Policies that users write, by CLI and API as they would: good ones run, bad ones are refused with a code
// and cost nobody else anything.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { PolicyTypeView, PolicyView } from '#protocol'
import { ROOT } from '../../scripts/toolchain.mjs'
import { ended, until } from '../system/running.ts'
import { Ledger } from './ledger.ts'

const ledger = new Ledger()
const { home } = ledger
const folder = path.join(ledger.dataDir, 'policies')
before(() => ledger.startServer())
after(() => ledger.close())

function write(file: string, source: string): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(path.join(folder, file), source)
}

const put = (name: string, body: object) => ledger.put(name, body)
const remove = (name: string) => ledger.api(`/policies/${name}`, { method: 'DELETE' })
const policies = async () => (await ledger.api<{ policies: PolicyView[] }>('/policies')).policies
const view = (name: string) => ledger.api<PolicyView>(`/policies/${name}`)

const WITH_STEP = (body: string) =>
  `export const mine = { name: 'mine', step(api, params, state) { ${body} } }`

describe('a file that gives no policy is refused with why, at once', () => {
  const cases: readonly [string, string, string, RegExp][] = [
    ['no TypeScript', 'export const = 5', 'E_POLICY_LOAD', /=/],
    ['TypeScript that Node does not run', 'export enum A { B }', 'E_POLICY_LOAD', /enum/],
    ['an import of what is not there', "import './gone.ts'", 'E_POLICY_LOAD', /gone\.ts/],
    ['throws when it is loaded', "throw new Error('too early')", 'E_POLICY_LOAD', /too early/],
    ['never done loading', 'for (;;) {}', 'E_POLICY_TIMEOUT', /5000 ms/],
    ['exports nothing', 'const mine = 5', 'E_POLICY_SHAPE', /exports no policy/],
    [
      'a step that is no function',
      "export const mine = { name: 'm', step: 5 }",
      'E_POLICY_SHAPE',
      /no policy/,
    ],
    ['two policies', `${WITH_STEP('')}; export const b = { ...mine }`, 'E_POLICY_SHAPE', /2 policies/],
    ['a promise', WITH_STEP('return Promise.reject(new Error())'), 'E_POLICY_SHAPE', /promise/],
    ['throws', WITH_STEP("throw new Error('no idea')"), 'E_POLICY_THREW', /no idea/],
    ['throws what is no error', WITH_STEP("throw 'text'"), 'E_POLICY_THREW', /text/],
    ['loops', WITH_STEP('for (;;) {}'), 'E_POLICY_TIMEOUT', /500 ms/],
    ['sets NaN', WITH_STEP("api.setRate('p', 'w', 0 / 0)"), 'E_POLICY_VALUE', /'w' at 'p' to NaN/],
    ['sets a text', WITH_STEP("api.setRate('p', 'w', 'fast')"), 'E_POLICY_VALUE', /to 'fast'/],
    ['takes much memory', 'const a = []; for (;;) a.push({})', 'E_POLICY_MEMORY', /64 MB/],
    ['takes it at once', 'Array(3e7).fill(0).map((i) => ({ i }))', 'E_POLICY_MEMORY', /64 MB/],
    [
      'reads what is not its own',
      "import { readFileSync } from 'node:fs'; readFileSync('/etc/hostname')",
      'E_POLICY_LOAD',
      /permission|restricted/,
    ],
    [
      'starts a program',
      "import { execFileSync } from 'node:child_process'; execFileSync('true')",
      'E_POLICY_LOAD',
      /permission|restricted/,
    ],
    ['ends the process', WITH_STEP('process.exit(0)'), 'E_POLICY_THREW', /ended its own process/],
  ]
  for (const [name, source, code, message] of cases)
    test(name, async () => {
      write('bad.ts', source)
      await assert.rejects(put('bad', { policy: 'bad.ts' }), (error: Error) => {
        assert.match(error.message, /^400 /)
        const told = JSON.parse(error.message.slice(4)).error
        assert.equal(told.code, code)
        assert.match(told.message, message)
        assert.match(told.message, /^bad\.ts: /)
        assert.match(told.hint, /policies\.md/)
        return true
      })
      assert.deepEqual(await policies(), [])
    })

  test('what ran under that name goes on', async () => {
    write('good.ts', WITH_STEP(''))
    write('bad.ts', WITH_STEP('throw new Error()'))
    await put('mine', { policy: 'good.ts', params: { a: 1 } })
    await assert.rejects(put('mine', { policy: 'bad.ts' }), /E_POLICY_THREW/)
    const { policy, params, isStopped } = await view('mine')
    assert.deepEqual({ policy, params, isStopped }, { policy: 'good.ts', params: { a: 1 }, isStopped: false })
    await remove('mine')
  })

  for (const policy of ['gone.ts', '../bad.ts', '.ts', 'good.js'])
    test(`${policy} is no policy`, () => assert.rejects(put('p', { policy }), /E_UNKNOWN_POLICY/))
})

describe('a policy that goes wrong while it runs', () => {
  const later = (deed: string) => `let steps = 0\n${WITH_STEP(`if (++steps > 2) { ${deed} }`)}`
  const cases: readonly [string, string, RegExp][] = [
    ['throws', "throw new Error('tired')", /^E_POLICY_THREW: tired$/],
    ['loops', 'for (;;) {}', /^E_POLICY_TIMEOUT: a step took longer than 500 ms/],
    ['throws from a timer', "setTimeout(() => { throw new Error('late') })", /^E_POLICY_THREW: it ended/],
  ]
  for (const [name, deed, message] of cases)
    test(`${name}: says so; all others go on`, async () => {
      write('later.ts', later(deed))
      write('steps.ts', WITH_STEP(''))
      await put('later', { policy: 'later.ts' })
      await put('other', { policy: 'steps.ts' })
      const seen = new Set<string>()
      await until(
        async () => {
          const { error } = await view('later')
          if (error !== undefined) seen.add(error)
          return [...seen].some((one) => message.test(one))
        },
        () => `it says ${JSON.stringify([...seen])}`,
        20_000,
      )
      assert.equal((await view('other')).error, undefined)
      await remove('later')
      await remove('other')
    })

  test('after five failures in a row it is stopped, also one that forgets it each time', async () => {
    write('late.ts', `const begun = Date.now()\n${WITH_STEP('while (Date.now() > begun + 1_500) {}')}`)
    await put('late', { policy: 'late.ts' })
    // The process that takes its place would loop in its third second: it is given no time to recover.
    write('late.ts', WITH_STEP('for (;;) {}'))
    await until(
      async () => (await view('late')).isStopped,
      () => 'it is not stopped',
      30_000,
    )
    assert.match((await view('late')).error ?? '', /^E_POLICY_TIMEOUT/)
    await remove('late')
  })
})

test('a file is set by its path, runs after a restart, and one that is gone by then is told', async () => {
  writeFileSync(
    path.join(home, 'mine.ts'),
    `// Remembers how often it was asked.
import { maxMinShare, type Policy } from 'crosscut/control'
export const mine: Policy<number> = {
  name: 'mine',
  step(api, params, steps = 0) {
    if (Object.keys(process.env).length > 0) throw new Error('it sees the environment')
    if (maxMinShare(10, { a: 2, b: 9 }).b !== 8) throw new Error('another library')
    if (steps > params.steps) throw new Error(\`\${steps} steps\`)
    return steps + 1
  },
}
`,
  )
  const set = await ledger.cli(['policy', 'set', 'mine', '--policy', './mine.ts', '--param', 'steps=2'])
  assert.equal(set.code, 0, set.stderr)
  assert.match(readFileSync(path.join(folder, 'mine.ts'), 'utf8'), /Remembers/)
  const { types } = await ledger.api<{ types: PolicyTypeView[] }>('/policy-types')
  const own = types.find(({ policy }) => policy === 'mine.ts')
  assert.equal(own?.does, 'Remembers how often it was asked.')
  assert.match((await ledger.cli(['policy', 'types'])).stdout, /mine\.ts +policies\/mine\.ts +Remembers/)
  const isCounting = async () => (await view('mine')).error === 'E_POLICY_THREW: 3 steps'
  await until(isCounting, () => 'its state is lost')

  await ledger.startServer()
  await until(isCounting, () => 'it does not run after a restart')

  rmSync(path.join(folder, 'mine.ts'))
  await ledger.startServer()
  await until(
    async () => (await view('mine')).isStopped,
    () => 'it runs without its file',
  )
  assert.match((await view('mine')).error ?? '', /^E_POLICY_LOAD: .*mine\.ts/)
  await remove('mine')
})

test('one that loops ends when the server is killed', async (t) => {
  const file = path.join(home, 'orphan.ts')
  writeFileSync(file, 'console.error(`loops as ${process.pid}.`)\nfor (;;) {}\n')
  const place = path.join(ROOT, 'service', 'server', 'policy-process.ts')
  const program = `import { PolicyProcess } from '${place}'
new PolicyProcess('${file}')
setInterval(() => {}, 1_000)`
  const args = ['--input-type=module-typescript', '--eval', program]
  const parent = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'ignore', 'pipe'] })
  t.after(() => parent.kill('SIGKILL'))
  let told = ''
  parent.stderr.setEncoding('utf8').on('data', (text: string) => (told += text))
  await until(
    () => /loops as \d+\./.test(told),
    () => `it is not loaded: ${told}`,
  )
  const pid = Number(/loops as (\d+)/.exec(told)?.[1])
  const gone = ended(parent)
  parent.kill('SIGKILL')
  await gone
  await until(
    () => {
      try {
        return !process.kill(pid, 0)
      } catch {
        return true
      }
    },
    () => 'it loops on without a server',
    10_000,
  )
})

test('the CLI says what is wrong with a file, and takes none to a server that is elsewhere', async () => {
  writeFileSync(path.join(home, 'loops.ts'), WITH_STEP('for (;;) {}'))
  const loops = await ledger.cli(['policy', 'set', 'x', '--policy', 'loops.ts'])
  assert.equal(loops.code, 1)
  assert.match(loops.stderr, /loops\.ts: a step took longer than 500 ms/)
  assert.match(
    (await ledger.cli(['policy', 'set', 'x', '--policy', './gone.ts'])).stderr,
    /no file \.\/gone\.ts/,
  )
  const { url, adminToken } = ledger.server
  const far = { CROSSCUT_SERVER: url, CROSSCUT_TOKEN: adminToken, CROSSCUT_DATA: tmpdir() }
  const elsewhere = await ledger.cli(['policy', 'set', 'x', '--policy', 'loops.ts'], far)
  assert.equal(elsewhere.code, 1)
  assert.match(elsewhere.stderr, /data folder is not here[\s\S]*DIR\/policies/)
  assert.deepEqual(await policies(), [])
})
