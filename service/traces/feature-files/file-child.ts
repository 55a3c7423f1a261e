// Entry of the process that runs the feature files of one owner: a thread that works, and this one, which
// looks at it and ends it. file-host.ts starts the process.
//
//   job --IPC--> here --> thread --outcomes--> here --IPC--> feature worker
//                 `-- every 20 ms while it works: CPU of the thread, memory of the process, time
//
// Why a process around the thread: V8's limit on a thread's heap ends the thread when it grows bit by bit,
// but one large allocation (a Map that doubles, a list of 1e9) aborts the whole process. It is this one then.
// What was ended takes its process along: nothing of it is left for the next.

import { Worker } from 'node:worker_threads'
import { extname } from 'node:path'
import {
  FILE_CPU_MS_MAX,
  FILE_HEAP_MB_MAX,
  FILE_LOAD_CPU_MS_MAX,
  FILE_RSS_BYTES_MAX,
  FILE_WALL_MS_MAX,
  WATCH_MS,
} from './limits.ts'
import type { EndReason, FileJob, FileTold } from './messages.ts'

/** The job at hand. `baseMs` = CPU of the thread when what is limited began; undefined = not looked at yet. */
type Watch = { beganMs: number; baseMs: number | undefined; isLoading: boolean; cpuMs: number }

function main(): void {
  const worker = new Worker(new URL(`./file-worker${extname(import.meta.url)}`, import.meta.url), {
    name: 'feature-files',
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: FILE_HEAP_MB_MAX, maxYoungGenerationSizeMb: 32 },
  })
  let watch: Watch | undefined
  let isLooking = false
  let isEnding = false
  const tell = (told: FileTold, then?: () => void): void => void process.send?.(told, () => then?.())
  const end = (reason: EndReason, message: string): void => {
    if (isEnding) return
    isEnding = true
    tell({ kind: 'ended', reason, message, cpuMs: watch?.cpuMs ?? 0 }, () => process.exit(1))
  }
  // A thread in one long call of V8's own answers late: memory and time are looked at without it.
  const look = async (): Promise<void> => {
    if (watch === undefined || isEnding) return
    const seen = watch
    if (process.memoryUsage.rss() > FILE_RSS_BYTES_MAX) return end('memory', OUT_OF_MEMORY)
    if (performance.now() - seen.beganMs > FILE_WALL_MS_MAX)
      return end('time', `it did not end within ${FILE_WALL_MS_MAX} ms`)
    if (isLooking) return
    isLooking = true
    // One that has just ended answers nothing: its end is told of below.
    const usage = await worker.cpuUsage().catch(() => undefined)
    isLooking = false
    if (usage === undefined || watch !== seen) return
    const cpuMs = (usage.user + usage.system) / 1000
    seen.baseMs ??= cpuMs
    seen.cpuMs = cpuMs - seen.baseMs
    const most = seen.isLoading ? FILE_LOAD_CPU_MS_MAX : FILE_CPU_MS_MAX
    if (seen.cpuMs > most)
      end('cpu', `it took more than ${most} ms of CPU${seen.isLoading ? ' to load' : ''}`)
  }
  process.on('message', (job: FileJob) => {
    watch = { beganMs: performance.now(), baseMs: undefined, isLoading: true, cpuMs: 0 }
    worker.postMessage(job)
  })
  process.on('disconnect', () => process.exit())
  worker.on('message', (told: FileTold) => {
    if (told.kind === 'loaded')
      watch = { beganMs: performance.now(), baseMs: undefined, isLoading: false, cpuMs: 0 }
    if (told.kind === 'done') watch = undefined
    tell(told)
  })
  worker.on('error', (error: unknown) => {
    const isMemory = error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY'
    if (isMemory) end('memory', OUT_OF_MEMORY)
    else end('crash', error instanceof Error ? error.message : String(error))
  })
  worker.on('exit', () => end('crash', 'its thread ended'))
  setInterval(() => void look(), WATCH_MS)
}

const OUT_OF_MEMORY = `it took more than ${FILE_HEAP_MB_MAX} MB of memory`

main()
