// The two packages side by side, as after `npm install crosscut crosscut-server`: `up` serves, alone it says
// how to get the server.
//
// The store engine is 550 MB, so crosscut-server's dependencies are linked from the clone instead of
// installed again.

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, symlinkSync } from 'node:fs'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { ROOT } from '../../scripts/toolchain.mjs'
import { ended, freePort, until } from '../system/running.ts'
import { NODE, installCrosscut, nodeMajor, tarballs, type Installed } from './installed.ts'

const SERVER_MAJOR_MIN = 24
/** A user's policy: TypeScript, which the server's own files are not any more. */
const HALF = `import { maxMinShare, type Policy } from 'crosscut/control'
export const half: Policy<number> = {
  name: 'half',
  step: (api, params, seen = 0) => seen + Object.keys(maxMinShare(1, { a: api.points().length })).length,
}
`
const LINKED = ['chdb', '@chdb', '@clickhouse']

let app: Installed

before(async () => {
  app = await installCrosscut()
})
after(() => app.remove())

test('without crosscut-server `up` names what is missing: the package, or a Node that can run it', async () => {
  const outcome = await app.run(['node_modules/crosscut/cli/main.js', 'up'])
  assert.equal(outcome.code, 1)
  const isOld = nodeMajor() < SERVER_MAJOR_MIN
  assert.match(outcome.stderr, isOld ? /E_NODE_TOO_OLD/ : /E_NO_SERVER/)
  assert.match(outcome.stderr, isOld ? /Node 24/ : /npm (i|install) crosscut-server/)
})

test('bagc compiles a schema to TypeScript', async () => {
  app.write('zipkin.bdl', 'bag Zipkin = 2 { fixed64 traceId = 0; }')
  const outcome = await app.run(['node_modules/crosscut/cli/main.js', 'bagc', 'zipkin.bdl'])
  assert.equal(outcome.code, 0, outcome.stderr)
  assert.match(outcome.stdout, /Zipkin/)
})

test(
  'with it `up` takes a span and shows it, and runs a policy that is a TypeScript file',
  { skip: nodeMajor() < SERVER_MAJOR_MIN && 'the server wants Node 24' },
  async () => {
    await installServer()
    const [port, otlpPort] = [await freePort(), await freePort()]
    const flags = [
      'up',
      '--port',
      String(port),
      '--otlp-port',
      String(otlpPort),
      '--insecure-no-auth',
      '--otlp-grpc-port',
      '0',
    ]
    const child = spawn(NODE, ['node_modules/crosscut/cli/main.js', ...flags], {
      cwd: app.folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let said = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        said += chunk.toString()
      })
    try {
      const base = `http://127.0.0.1:${port}`
      const answers = async (place: string): Promise<string> => {
        try {
          const answer = await fetch(`${base}${place}`)
          return answer.ok ? await answer.text() : ''
        } catch {
          return ''
        }
      }
      await until(
        async () => (await answers('/readyz')) !== '',
        () => said,
      )
      assert.match(await answers('/'), /<script/)
      const body = JSON.stringify({
        resourceSpans: [
          {
            scopeSpans: [
              {
                spans: [
                  {
                    traceId: '0af7651916cd43dd8448eb211c80319c',
                    spanId: 'b7ad6b7169203331',
                    name: 'hello',
                    kind: 2,
                    startTimeUnixNano: String(BigInt(Date.now()) * 1_000_000n),
                    endTimeUnixNano: String(BigInt(Date.now() + 5) * 1_000_000n),
                  },
                ],
              },
            ],
          },
        ],
      })
      const posted = await fetch(`http://127.0.0.1:${otlpPort}/v1/traces`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      })
      assert.equal(posted.status, 200)
      await until(
        async () => (await answers('/api/v1/traces')).includes('0af7651916cd43dd8448eb211c80319c'),
        () => said,
        10_000,
      )
      app.write('half.ts', HALF)
      const set = ['policy', 'set', 'half', '--policy', './half.ts', '--dry-run', '--server', base]
      const outcome = await app.run(['node_modules/crosscut/cli/main.js', ...set])
      assert.equal(outcome.code, 0, outcome.stderr)
      assert.match(await answers('/api/v1/policies/half'), /"policy":"half.ts"/)
    } finally {
      const gone = ended(child)
      child.kill('SIGTERM')
      await gone
    }
  },
)

test(
  'with it `features check` runs a TypeScript file, which finds crosscut/traces',
  { skip: nodeMajor() < SERVER_MAJOR_MIN && 'the server wants Node 24' },
  async () => {
    const source = `import { criticalPath, type Trace } from 'crosscut/traces'
export const columns = { sections: 'number' } as const
export const features = (trace: Trace) => ({ sections: criticalPath(trace).length })
`
    app.write('path.ts', source)
    const span = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), name: 'hello', kind: 2 }
    const times = { startTimeUnixNano: '1790000000000000000', endTimeUnixNano: '1790000000005000000' }
    const request = { resourceSpans: [{ scopeSpans: [{ spans: [{ ...span, ...times }] }] }] }
    app.write('trace.json', JSON.stringify(request))
    const check = ['features', 'check', 'path.ts', '--on', 'trace.json', '--json']
    const outcome = await app.run(['node_modules/crosscut/cli/main.js', ...check])
    assert.equal(outcome.code, 0, outcome.stderr)
    assert.deepEqual(JSON.parse(outcome.stdout).rows, [{ values: [1] }])
  },
)

async function installServer(): Promise<void> {
  const target = path.join(app.folder, 'node_modules', 'crosscut-server')
  mkdirSync(target, { recursive: true })
  const tarball = path.join(await tarballs(), 'crosscut-server-0.1.0.tgz')
  const done = spawnSync('tar', ['xzf', tarball, '--strip-components=1', '-C', target])
  assert.equal(done.status, 0)
  for (const name of LINKED)
    symlinkSync(path.join(ROOT, 'node_modules', name), path.join(app.folder, 'node_modules', name))
}
