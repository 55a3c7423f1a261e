// Starts shelf: which process runs where, in which order, with which clock. Each process is told its service
// name and host by the standard OpenTelemetry variables, as any deployment would; whether an agent is loaded
// is for whoever sets NODE_OPTIONS to say.
//
//   namenode, then datanodes (they register), then worker and gateway, then the tenants' clients (the
//   first of them fills the store)
//
// Says `shelf ready <gateway url>` when the load begins; ends everything it started when it is told to end.

import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { FAULTS } from './faults.ts'

const HELP = `Usage: node demo/main.ts [options]
  --datanodes N      how many datanodes, 1..8 (default 4)
  --scale F          size of files against the papers' (default 0.015625)
  --load F           request rate against the default (default 1; 0 = clients wait for POST /run?requests=N)
  --requests N       each tenant stops after N requests (default: never)
  --tenants LIST     a;b,c: client processes by ';', tenants of one by ','
                     (default web,photos;archive,reports;batch,crawler; none = no clients)
  --stress N         clients that read shelf themselves, one on each of the first N datanodes' hosts
  --fault NAME       ${FAULTS.join(' | ')}
  --release NAME     what all of it calls its version (default 1)
  --folder DIR       where blocks and metadata live (default: a temporary folder)
  --seed N           of everything random (default 1)`

const { values: flags } = parseArgs({
  options: {
    datanodes: { type: 'string', default: '4' },
    scale: { type: 'string', default: String(1 / 64) },
    load: { type: 'string', default: '1' },
    requests: { type: 'string' },
    fault: { type: 'string' },
    tenants: { type: 'string', default: 'web,photos;archive,reports;batch,crawler' },
    stress: { type: 'string', default: '0' },
    release: { type: 'string', default: '1' },
    folder: { type: 'string' },
    seed: { type: 'string', default: '1' },
    help: { type: 'boolean', default: false },
  },
})
if (flags.help) {
  console.log(HELP)
  process.exit(0)
}
if (flags.fault !== undefined && !(FAULTS as readonly string[]).includes(flags.fault)) {
  console.error(`no fault '${flags.fault}'; there are ${FAULTS.join(', ')}`)
  process.exit(2)
}

const HOSTS = ['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', 'P']
/** With --fault clock-skew each further host is this much further off, in turn ahead and behind. */
const SKEW_STEP_MS = 140
const START_MS_MAX = 60_000

const folder = flags.folder ?? mkdtempSync(path.join(tmpdir(), 'shelf-'))
const children: ChildProcess[] = []
let isEnding = false
process.on('SIGTERM', end)
process.on('SIGINT', end)
process.on('exit', () => {
  if (flags.folder === undefined) rmSync(folder, { recursive: true, force: true })
})
await start()

async function start(): Promise<void> {
  const count = Number(flags.datanodes)
  const hosts = HOSTS.values()
  const datanodeHosts = Array.from({ length: count }, () => nextOf(hosts))
  const namenode = await launch('namenode', 'namenode', nextOf(hosts), {})
  const common = { SHELF_NAMENODE: namenode }
  await Promise.all(datanodeHosts.map((host) => launch('datanode', `datanode-${host}`, host, common)))
  const worker = await launch('worker', 'worker', nextOf(hosts), common)
  const gateway = await launch('gateway', 'gateway', nextOf(hosts), { ...common, SHELF_WORKER: worker })
  let isFirst = true
  for (const tenants of flags.tenants === 'none' ? [] : flags.tenants.split(';')) {
    const env = {
      ...common,
      SHELF_GATEWAY: gateway,
      SHELF_TENANTS: tenants,
      SHELF_CONNECTIONS: '256',
      SHELF_FILL: isFirst ? 'yes' : 'no',
    }
    await launch('client', `client-${tenants.replaceAll(',', '-')}`, nextOf(hosts), env, 'filled')
    isFirst = false
  }
  for (const [i, host] of datanodeHosts.slice(0, Number(flags.stress)).entries()) {
    const env = { ...common, SHELF_TENANTS: 'stress', SHELF_FILL: i === 0 ? 'yes' : 'no' }
    await launch('client', `client-stress-${host}`, host, env, 'filled')
  }
  process.stdout.write(`shelf ready ${gateway}\n`)
}

/**
 * Starts one process and resolves with its URL once it says so (and once it says `until`, when that is
 * later).
 */
function launch(
  program: string,
  service: string,
  host: string,
  env: Record<string, string>,
  until = 'ready',
): Promise<string> {
  const hostIndex = HOSTS.indexOf(host)
  const skewMs = flags.fault === 'clock-skew' ? (hostIndex % 2 === 0 ? 1 : -1) * hostIndex * SKEW_STEP_MS : 0
  // In front of whatever NODE_OPTIONS loads: a host's clock is wrong for all, from the first reading on.
  const skew = skewMs === 0 ? [] : [`--import=${new URL('clock-skew.mjs', import.meta.url).href}`]
  const options = [...skew, process.env.NODE_OPTIONS ?? ''].join(' ').trim()
  const child = spawn(process.execPath, [path.join(import.meta.dirname, `${program}.ts`)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      ...(options === '' ? {} : { NODE_OPTIONS: options }),
      ...env,
      SHELF_HOST: host,
      SHELF_PORT: '0',
      SHELF_FOLDER: path.join(folder, service),
      SHELF_SCALE: flags.scale,
      SHELF_REPLICATION: String(Math.min(3, Number(flags.datanodes))),
      SHELF_FAULT: flags.fault ?? '',
      SHELF_LOAD: flags.load,
      SHELF_RELEASE: flags.release,
      SHELF_SEED: String(Number(flags.seed) + hostIndex),
      SHELF_SKEW_MS: String(skewMs),
      ...(flags.requests === undefined ? {} : { SHELF_REQUESTS: flags.requests }),
      OTEL_SERVICE_NAME: service,
      OTEL_RESOURCE_ATTRIBUTES: `host.name=${host},service.namespace=shelf,service.version=${flags.release}`,
    },
  })
  children.push(child)
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${service} did not start`)), START_MS_MAX)
    let text = ''
    let url = ''
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      url ||= /^ready (\S+)$/m.exec(text)?.[1] ?? ''
      if (url !== '' && (until === 'ready' || new RegExp(`^${until}$`, 'm').test(text))) {
        clearTimeout(timer)
        process.stdout.write(`process ${service} ${url}\n`)
        child.stdout.removeAllListeners('data').resume()
        resolve(url)
      }
    })
    child.on('exit', (code) => {
      if (isEnding) return
      reject(new Error(`${service} ended with ${code}`))
      console.error(`shelf: ${service} ended with ${code}; ending all`)
      end()
    })
  })
}

function nextOf(hosts: Iterator<string>): string {
  const next = hosts.next()
  if (next.done === true) throw new Error(`at most ${HOSTS.length} processes`)
  return next.value
}

function end(): void {
  if (isEnding) return
  isEnding = true
  const alive = children.filter((child) => child.exitCode === null && child.signalCode === null)
  for (const child of alive) child.kill('SIGTERM')
  const force = setTimeout(() => {
    for (const child of alive) child.kill('SIGKILL')
  }, 2_000)
  void Promise.all(alive.map((child) => new Promise((resolve) => child.once('exit', resolve)))).then(() => {
    clearTimeout(force)
    process.exit(0)
  })
}
