// A data folder that is not as the server left it: refused with a code and what to do, or started without
// loss; never a stack trace, never another key than the one that agents trust.

import assert from 'node:assert/strict'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { memoryPipeline } from './memory-pipeline.fixture.ts'
import { startServer, type ServerHandle } from './start-server.ts'

const root = mkdtempSync(path.join(tmpdir(), 'crosscut-damaged-'))
const whole = path.join(root, 'whole')
const { parts } = memoryPipeline([])
let count = 0

const start = (dataDir: string, change: object = {}): Promise<ServerHandle> =>
  startServer({ dataDir, port: 0, otlpPort: 0, ...change }, {}, parts)

before(async () => {
  const server = await start(whole)
  const answer = await put(server, true)
  assert.equal(answer.status, 200)
  const made = await fetch(`${server.url}/api/v1/tokens`, {
    method: 'POST',
    headers: { authorization: `Bearer ${server.adminToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'ci', may: ['read'] }),
  })
  assert.equal(made.status, 201)
  await server.close()
})
after(() => rmSync(root, { recursive: true, force: true }))

function put(server: ServerHandle, disabled: boolean): Promise<Response> {
  return fetch(`${server.url}/api/v1/kill-switch`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${server.adminToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ disabled }),
  })
}

/** A copy of the whole folder, and where in it a file is. */
function copy(): { readonly dir: string; readonly at: (name: string) => string } {
  const dir = path.join(root, String((count += 1)))
  cpSync(whole, dir, { recursive: true })
  return { dir, at: (name) => path.join(dir, name) }
}

function replaceByFolder(file: string): void {
  rmSync(file)
  mkdirSync(file)
}

/** Another valid key: what a flipped bit in the base64 of a PEM file makes of it. */
function flipKey(file: string): void {
  const pem = readFileSync(file, 'utf8')
  const at = pem.indexOf('\n', pem.indexOf('\n') + 1) - 10
  writeFileSync(file, `${pem.slice(0, at)}${pem[at] === 'A' ? 'B' : 'A'}${pem.slice(at + 1)}`)
}

const DAMAGES: readonly (readonly [name: string, code: string, (at: (name: string) => string) => void])[] = [
  ['a lock file with something in it', 'E_DATA_DAMAGED', (at) => writeFileSync(at('lock'), 'x'.repeat(100))],
  [
    'a token with control characters',
    'E_DATA_DAMAGED',
    (at) => writeFileSync(at('admin-token'), 'ab\u0001c'),
  ],
  ['a token that is no ASCII', 'E_DATA_DAMAGED', (at) => writeFileSync(at('agent-token'), '\u00ff\ufffd')],
  ['a state that is no JSON', 'E_DATA_DAMAGED', (at) => writeFileSync(at('state.json'), '{')],
  [
    'a state with a package that is none',
    'E_DATA_DAMAGED',
    (at) => writeFileSync(at('state.json'), '{"version":2,"disabled":false,"packages":[null]}'),
  ],
  ['tokens that are no JSON', 'E_DATA_DAMAGED', (at) => writeFileSync(at('tokens.json'), '{"tokens":[')],
  ['tokens that are none', 'E_DATA_DAMAGED', (at) => writeFileSync(at('tokens.json'), '{"tokens":[{}]}')],
  [
    'a token that may what nobody knows',
    'E_DATA_DAMAGED',
    (at) => writeFileSync(at('tokens.json'), readFileSync(at('tokens.json'), 'utf8').replace('read', 'rule')),
  ],
  ['a folder in place of the state', 'E_DATA_DAMAGED', (at) => replaceByFolder(at('state.json'))],
  ['a folder in place of the audit log', 'E_DATA_DAMAGED', (at) => replaceByFolder(at('audit.log'))],
  ['a key that is none', 'E_DATA_DAMAGED', (at) => writeFileSync(at('keys/signing.pem'), 'nokey')],
  ['a key with a flipped bit', 'E_DATA_DAMAGED', (at) => flipKey(at('keys/signing.pem'))],
]

for (const [name, code, damage] of DAMAGES) {
  test(`${name} is refused with ${code} and what to do; mended, the same folder starts`, async () => {
    const { dir, at } = copy()
    damage(at)
    await assert.rejects(start(dir), (error: Error) => {
      assert.equal('code' in error && error.code, code, error.message)
      assert.match(error.message, /restore|remove|move away/)
      return true
    })
    for (const file of ['lock', 'state.json', 'audit.log']) rmSync(at(file), { recursive: true, force: true })
    cpSync(whole, dir, { recursive: true })
    await (await start(dir)).close()
  })
}

test('a file where the folder should be is refused with E_DATA_DAMAGED', async () => {
  const file = path.join(root, 'file')
  writeFileSync(file, '')
  await assert.rejects(start(file), { code: 'E_DATA_DAMAGED' })
})

test('a folder of somebody else is refused with E_DATA_ACCESS', { skip: isRoot() }, async () => {
  const { dir, at } = copy()
  chmodSync(at('keys'), 0o500)
  chmodSync(dir, 0o500)
  await assert.rejects(start(dir), { code: 'E_DATA_ACCESS' })
  chmodSync(dir, 0o700)
  chmodSync(at('keys'), 0o700)
})

function isRoot(): string | false {
  return process.getuid?.() === 0 ? 'root may write everywhere' : false
}

test('a token file that cannot be made is refused by its name, with E_CONFIG', async () => {
  await assert.rejects(start(copy().dir, { tokenFile: '/nowhere/token' }), (error: Error) => {
    assert.equal('code' in error && error.code, 'E_CONFIG')
    assert.match(error.message, /^--token-file \/nowhere\/token /)
    return true
  })
})

test('a host that is no address of this machine is refused with E_CONFIG', async () => {
  // 192.0.2.0/24 is for documentation: nobody has it.
  await assert.rejects(start(copy().dir, { host: '192.0.2.1' }), { code: 'E_CONFIG' })
})

test('a removed key is made anew, and the agent token names the new one', async () => {
  const { dir, at } = copy()
  const before = readFileSync(at('agent-token'), 'utf8')
  rmSync(at('keys/signing.pem'))
  const server = await start(dir)
  assert.notEqual(server.agentToken, before.trim())
  assert.equal(server.agentToken.split('.')[0], before.split('.')[0])
  await server.close()
})

test('a change that the disk refuses is answered 503 E_DATA_FULL, changes nothing, and works later', async () => {
  if (!existsSync('/dev/full')) return
  const { dir, at } = copy()
  const server = await start(dir)
  symlinkSync('/dev/full', at('state.json.new'))
  const refused = await put(server, false)
  assert.deepEqual([refused.status, refused.headers.get('retry-after')], [503, '1'])
  assert.match(await refused.text(), /"code":"E_DATA_FULL"/)
  assert.equal(JSON.parse(readFileSync(at('state.json'), 'utf8')).disabled, true)
  rmSync(at('state.json.new'))
  assert.equal((await put(server, false)).status, 200)
  await server.close()
})
