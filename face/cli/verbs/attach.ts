// `crosscut attach <pid>`: brings the agent into a process that was started without it.
//
//   check ──► inspector opens (SIGUSR1) ──► ask its size ──► announce the pause ──► too long? E_ATTACH_PAUSE
//         ──► what is loaded ──► load the agent, look at what was loaded before ──► inspector closes
//
// Nothing of the process is restarted. From then on its requests are traced and its tools are deployed as
// anywhere; what cannot be seen in modules that were loaded before is in docs/guides/attach.md.

import path from 'node:path'
import { HOST_API_SLOT } from '#protocol'
import { Client } from '../client.ts'
import { asTyped, findInstall, type Install } from '../install.ts'
import { checkAttachable, Inspector } from '../inspector.ts'
import { CliError, CLIENT_FLAGS, UsageError, type Io, type Verb } from '../verb.ts'
import { connectionOf } from './run.ts'

const { json: _json, ...CONNECT_FLAGS } = CLIENT_FLAGS
/** Listing what is loaded walks the heap: 0.5 to 1 ms a MB. Loading the agent takes some 40 ms more. */
const PAUSE_MS_PER_MB = 1
const LOAD_MS = 40
/** A pause of this length is noticed by whoever waits for the process. */
const PAUSE_MS_MAX = 250
const OLDEST = { package: [22, 15], clone: [22, 18] } as const

type Facts = {
  readonly version: string
  readonly heapBytes: number
  readonly isAttached: boolean
  readonly title: string
}

export const attach: Verb = {
  name: 'attach',
  summary: 'bring the agent into a running Node process, which pauses for some ms',
  usage: '<pid>',
  words: [1, 1],
  flags: {
    ...CONNECT_FLAGS,
    service: { value: 'NAME', says: 'OTEL_SERVICE_NAME of the process' },
    force: { says: `also when it will pause for more than ${PAUSE_MS_MAX} ms` },
  },
  examples: ['crosscut attach 4711', 'crosscut attach --force --service shop "$(pgrep -f server.js)"'],
  run: async (io, args) => {
    const pid = Number(args.words[0])
    if (!Number.isSafeInteger(pid) || pid <= 0) throw new UsageError('attach needs the number of a process')
    const install = findInstall()
    checkAttachable(pid)
    const env = await connectionOf(io, new Client(io, args))
    const service = args.text('service')
    const inspector = await Inspector.open(pid)
    try {
      const facts = (await inspector.evaluate(FACTS)) as Facts
      checkVersion(facts, install)
      announce(io, { pid, facts, isForced: args.has('force') })
      const urls = (await inspector.scripts()).filter((url) => url.startsWith('file:'))
      const named = service === undefined ? {} : { OTEL_SERVICE_NAME: service }
      await inspector.evaluate(injection({ ...env, ...named }, { file: agentFile(install), urls }))
      io.say(`crosscut: attached to process ${pid}; see ${asTyped(install)} agents\n`)
    } finally {
      if (!(await inspector.close()))
        io.say(`crosscut: the inspector of process ${pid} is still open: another debugger holds it\n`)
    }
    return 0
  },
}

const FACTS = `({
  version: process.versions.node, title: process.argv[1] ?? process.title,
  heapBytes: process.memoryUsage().heapUsed,
  isAttached: Object.hasOwn(globalThis, Symbol.for(${JSON.stringify(Symbol.keyFor(HOST_API_SLOT))})),
})`

function checkVersion({ version, isAttached }: Facts, { isClone }: Install): void {
  const [major, minor] = version.split('.').map(Number)
  const [oldMajor, oldMinor] = isClone ? OLDEST.clone : OLDEST.package
  if (major < oldMajor || (major === oldMajor && minor < oldMinor))
    throw new CliError(
      'E_NODE_TOO_OLD',
      `the process runs Node ${version}; the agent needs ${oldMajor}.${oldMinor} or newer`,
      'start it with a newer Node',
    )
  if (isAttached)
    throw new CliError(
      'E_ATTACHED',
      'the agent is in this process already',
      'crosscut doctor says how it fares',
    )
}

type Announced = { readonly pid: number; readonly facts: Facts; readonly isForced: boolean }

/** Errors: E_ATTACH_PAUSE. */
function announce(io: Io, { pid, facts: { title, version, heapBytes }, isForced }: Announced): void {
  const heapMb = heapBytes / 2 ** 20
  const pauseMs = Math.ceil(LOAD_MS + heapMb * PAUSE_MS_PER_MB)
  const said = `${path.basename(title)} (Node ${version}, heap ${heapMb.toFixed(0)} MB) will pause for up to ${pauseMs} ms`
  if (pauseMs > PAUSE_MS_MAX && !isForced)
    throw new CliError('E_ATTACH_PAUSE', `process ${pid}, ${said}`, 'if that is all right, say --force')
  io.say(`crosscut: process ${pid}, ${said}\n`)
}

/** In the clone the sources: Node strips their types. */
function agentFile({ root, isClone }: Install): string {
  return path.join(root, isClone ? 'process/agent/register.ts' : 'agent.js')
}

type Injected = { readonly file: string; readonly urls: readonly string[] }

/** The agent reads its settings once, when it is loaded: the environment is as before when this is done. */
function injection(env: Readonly<Record<string, string | undefined>>, { file, urls }: Injected): string {
  return `(async () => {
    const given = ${JSON.stringify(env)}
    const before = { ...process.env }
    const require = process.getBuiltinModule('node:module').createRequire(${JSON.stringify(file)})
    let agent
    Object.assign(process.env, given)
    try {
      agent = require(${JSON.stringify(file)})
    } finally {
      for (const name of Object.keys(given)) delete process.env[name]
      Object.assign(process.env, before)
    }
    await agent.adopt(${JSON.stringify(urls)})
  })()`
}
