// `npm start`: the server, and the demo system under load beside it, until Ctrl-C.
//
//   crosscut up [flags]          -> waits until it says where it listens
//   crosscut run -- node demo/main.ts [--fault ...]      (unless --no-demo)
//
// The demo is started as a user would start any program: by `crosscut run`. Its own flags are taken out of
// the line (HELP below). Everything else goes to `crosscut up`.

import { spawn, type ChildProcess } from 'node:child_process'
import path from 'node:path'
import { ensureWebBuilt } from './web-build.ts'
import { ROOT, say } from './toolchain.mjs'

const CLI = path.join(ROOT, 'face', 'cli', 'main.ts')
const STOP_MS_MAX = 5_000
const HELP = `npm start -- [flags]: the server, and a demo system of ten processes under load, until Ctrl-C
  --no-demo       the server alone
  --fault NAME    replica-selection: readers crowd one datanode; slow-disk: one disk limps;
                  lock-convoy: one tenant keeps a lock; noisy-tenant: one asks for too much;
                  clock-skew: every host lives in its own time; lost-context: jobs forget who asked for
                  them; early-flush: the page finds a style sheet late; causal-order: the top of the page
                  waits for what is at its end; cable-cut: one country is far away; missing-index: a table
                  is read from end to end
  --release NAME  what the demo calls its version (default 1)
  --load F        request rate of the demo against its default of 1
  --datanodes N, --stress N, --tenants LIST    more of it: npm run -s node -- demo/main.ts --help
and all flags of:
`
/** What a user sees of a fault, and where. */
const FAULT_SAYS: { readonly [name: string]: string } = {
  'replica-selection': 'all readers of a block go to the same datanode',
  'slow-disk': 'the disk of host A answers 25 ms late, whoever reads',
  'lock-convoy': 'a rename keeps the namespace lock while it waits for something else',
  'noisy-tenant': 'tenant reports floods the gateway with scans; open /tenants, or `crosscut blame web`',
  'clock-skew': 'every host has its own time; traces show the clocks aligned',
  'lost-context': 'jobs of the worker begin traces of their own: `POST /jobs` no longer reaches their calls',
  'early-flush':
    'the page (/page) no longer foretells the style sheet of UserInput, which has grown by 10 kB',
  'cable-cut':
    'what goes to India takes 150 ms longer: `npm run -s node -- demo/visitors.ts` visits from there',
  'missing-index': 'the namenode looks for the blocks of a file in a table without an index',
  'causal-order': 'the top of the page (/page) waits for its suggestions, which nobody sees before the rest',
}

const DEMO_FLAGS: ReadonlySet<string> = new Set([
  '--fault',
  '--load',
  '--release',
  '--datanodes',
  '--stress',
  '--tenants',
])

const isHelp = process.argv.includes('--help')
if (isHelp) process.stdout.write(HELP)
const { demo, server } = splitFlags(process.argv.slice(2))
const children: ChildProcess[] = []
let isEnding = false

process.on('SIGINT', () => void end(0))
process.on('SIGTERM', () => void end(0))
process.on('SIGHUP', () => void end(0))

if (!isHelp) await ensureWebBuilt()
const url = await startServer()
if (demo !== undefined) startDemo(url, demo)

/** Resolves with the server's base URL once it listens. Its output passes through to the terminal. */
function startServer(): Promise<string> {
  const child = spawn(process.execPath, [CLI, 'up', ...server], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  child.on('exit', (code) => void end(code ?? 1))
  return new Promise((resolve) => {
    let text = ''
    child.stdout.on('data', (chunk: Buffer) => {
      process.stdout.write(chunk)
      if (text.length > 10_000) return
      text += chunk.toString()
      const found =
        /(https?:\/\/[^/\s]+)\/login\?token=/.exec(text)?.[1] ?? /(https?:\/\/\S+?)\/?\s/.exec(text)?.[1]
      if (found !== undefined) resolve(found)
    })
  })
}

function startDemo(serverUrl: string, flags: readonly string[]): void {
  const data = valueOf(server, '--data')
  const args = [
    CLI,
    'run',
    '--service',
    'shelf',
    '--',
    process.execPath,
    path.join(ROOT, 'demo', 'main.ts'),
    ...flags,
  ]
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      // The Node that runs this file: the machine's own may be too old.
      PATH: `${path.dirname(process.execPath)}${path.delimiter}${process.env.PATH ?? ''}`,
      CROSSCUT_SERVER: serverUrl,
      CROSSCUT_PAGES: '1',
      // The demo says who asks as any API behind a gateway does; whose request it is, the operator says.
      CROSSCUT_TENANT: 'header:x-tenant',
      CROSSCUT_DATA: data ?? path.join(ROOT, '.crosscut'),
    },
  })
  children.push(child)
  child.stdout.on('data', (chunk: Buffer) => {
    const ready = /^shelf ready (\S+)$/m.exec(chunk.toString())
    if (ready === null) return
    say(`a page of it, recorded in your browser: ${ready[1]}/page`)
    const fault = FAULT_SAYS[flags[flags.indexOf('--fault') + 1] ?? '']
    if (fault !== undefined) say(`its fault: ${fault}`)
    say('the demo system is under load. Ctrl-C ends all')
  })
  child.on('exit', (code) => {
    // 2 is wrong usage: nobody wants to read on.
    if (code === 2) void end(2)
    else if (!isEnding) say(`the demo ended with ${code}; the server goes on`)
  })
}

async function end(code: number): Promise<void> {
  if (isEnding) return
  isEnding = true
  const alive = children.filter((child) => child.exitCode === null && child.signalCode === null)
  // The demo first, so that its agents can still flush to the server.
  for (const child of alive.toReversed()) await stop(child)
  process.exit(code)
}

function stop(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    const force = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX)
    child.once('exit', () => {
      clearTimeout(force)
      resolve()
    })
    child.kill('SIGTERM')
  })
}

function splitFlags(args: readonly string[]): { demo: string[] | undefined; server: string[] } {
  const demoFlags: string[] = []
  const serverFlags: string[] = []
  for (let i = 0; i < args.length; i++) {
    const flag = args[i] ?? ''
    if (DEMO_FLAGS.has(flag)) demoFlags.push(flag, args[++i] ?? '')
    else if (flag !== '--no-demo') serverFlags.push(flag)
  }
  return { demo: args.includes('--no-demo') ? undefined : demoFlags, server: serverFlags }
}

function valueOf(args: readonly string[], name: string): string | undefined {
  const at = args.indexOf(name)
  return at < 0 ? args.find((arg) => arg.startsWith(`${name}=`))?.slice(name.length + 1) : args[at + 1]
}
