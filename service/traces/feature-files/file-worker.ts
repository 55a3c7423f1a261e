// Entry of the thread that runs the feature files of one owner; file-child.ts starts it and ends it.
//
//   source --types stripped--> module --its own import of crosscut/traces, no other--> columns, features
//   trace --features--> rows, checked --> told at once, so that who ends later loses nothing that is done
//
// A feature is a function of one trace: what does I/O, or comes back later, is taken away before a file is
// loaded. That keeps mistakes out, not attackers: a file is the operator's, and the process is what holds.

import { registerHooks, stripTypeScriptTypes } from 'node:module'
import process from 'node:process'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { deserialize } from 'node:v8'
import { parentPort } from 'node:worker_threads'
import type { FeatureColumn, Trace } from '#model'
import { columnsOf, FeatureFileError, rowsOf } from './file-values.ts'
import { FAILURE_CHARS_MAX } from './limits.ts'
import type { FileJob, FileOutcome, FileProgram, FileTold } from './messages.ts'

const SCHEME = 'crosscut-feature:'
const TRACES = 'crosscut/traces'
const TAKEN_AWAY = [
  'process',
  'fetch',
  'WebSocket',
  'EventSource',
  'BroadcastChannel',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
] as const

type Loaded = { readonly columns: readonly FeatureColumn[]; readonly features: (trace: Trace) => unknown }

function main(): void {
  const port = parentPort
  const tell = (told: FileTold): void => port?.postMessage(told)
  const loaded = new Map<string, Loaded | string>()
  const sources = new Map<string, string>()
  takeAway()
  hook(sources)
  // A promise that nobody awaits: the trace that made it has its row, the next one is not to blame.
  process.on('unhandledRejection', () => undefined)
  const work = async ({ programs, trace: bytes }: FileJob): Promise<void> => {
    for (const program of programs)
      if (!loaded.has(program.key)) loaded.set(program.key, await load(program, sources))
    tell({ kind: 'loaded' })
    const beganMs = cpuMs()
    const trace = bytes === undefined ? undefined : (deserialize(bytes) as Trace)
    for (const program of programs)
      tell({ kind: 'outcome', outcome: outcomeOf(program, loaded.get(program.key) ?? 'not loaded', trace) })
    // What it left behind in promises runs before: it is this trace's cost.
    await nextTurn()
    tell({ kind: 'done', cpuMs: cpuMs() - beganMs })
  }
  port?.on('message', (job: FileJob) => void work(job))
}

function takeAway(): void {
  for (const name of TAKEN_AWAY) Reflect.deleteProperty(globalThis, name)
}

/** A file finds itself and crosscut/traces, nothing else. */
function hook(sources: ReadonlyMap<string, string>): void {
  const traces = import.meta.resolve('#model')
  registerHooks({
    resolve: (specifier, context, next) => {
      if (specifier.startsWith(SCHEME) && sources.has(specifier))
        return { url: specifier, shortCircuit: true }
      if (context.parentURL?.startsWith(SCHEME) !== true) return next(specifier, context)
      if (specifier === TRACES) return { url: traces, shortCircuit: true }
      throw new FeatureFileError(`it imports ${specifier.slice(0, 100)}; a feature file may import ${TRACES}`)
    },
    load: (url, context, next) => {
      const source = sources.get(url)
      return source === undefined
        ? next(url, context)
        : { format: 'module', shortCircuit: true, source: stripTypeScriptTypes(source) }
    },
  })
}

/** A text = why it cannot be used. */
async function load(
  { key, name, source = '' }: FileProgram,
  sources: Map<string, string>,
): Promise<Loaded | string> {
  const url = `${SCHEME}${encodeURIComponent(key)}/${encodeURIComponent(name)}`
  sources.set(url, source)
  try {
    const { columns, features }: { columns?: unknown; features?: unknown } = await import(url)
    if (!isFunction(features))
      throw new FeatureFileError('it must export a function: export function features(trace: Trace)')
    return { columns: columnsOf(columns), features }
  } catch (error: unknown) {
    return messageOf(error, name)
  }
}

const isFunction = (value: unknown): value is (trace: Trace) => unknown => typeof value === 'function'

function outcomeOf(program: FileProgram, loaded: Loaded | string, trace: Trace | undefined): FileOutcome {
  if (typeof loaded === 'string') return { kind: 'failed', message: loaded, cpuMs: 0 }
  const columns = program.columns ?? loaded.columns
  const beganMs = cpuMs()
  try {
    const given = trace === undefined ? undefined : loaded.features(trace)
    return { kind: 'rows', columns, ...rowsOf(given, columns, program.rowPer), cpuMs: cpuMs() - beganMs }
  } catch (error: unknown) {
    return { kind: 'failed', message: messageOf(error, program.name), cpuMs: cpuMs() - beganMs }
  }
}

/** What was thrown may be anything: reading it may throw again. */
function messageOf(error: unknown, name: string): string {
  try {
    const { message, stack } =
      error instanceof Error ? error : { message: `threw ${String(error)}`, stack: '' }
    const what = error instanceof Error && error.name !== 'FeatureFileError' ? `${error.name}: ` : ''
    const place = /crosscut-feature:\S*?:(\d+:\d+)/.exec(String(stack))?.[1]
    const where = place === undefined ? name : `${name}:${place}`
    return `${where} ${what}${String(message)}`.slice(0, FAILURE_CHARS_MAX)
  } catch {
    return `${name} threw what cannot be read`
  }
}

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

main()
