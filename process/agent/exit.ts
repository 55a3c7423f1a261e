// The host's end: what still waits is sent, and nothing about the end itself changes.
//
//   event loop ran empty (beforeExit)     flush, then the last report, held for at most EXIT_FLUSH_MS_MAX in
//                                         all; then it exits by itself
//   SIGTERM, SIGINT, no handler of the host  flush, then the same signal again without us: same exit status
//   SIGTERM, SIGINT, with a handler          the host decides; we only send at once
//   process.exit()                           one synchronous write on the kept connection

import type { Exporter } from './exporter.ts'
import { EXIT_FLUSH_MS_MAX } from './limits.ts'

const SIGNALS = ['SIGTERM', 'SIGINT'] as const

type Parts = {
  readonly exporter: Exporter
  /** Tells the control plane how it ended, if that is connected; settles within the time. */
  readonly farewell: (withinMs: number) => Promise<void>
  /** Signals never reach worker threads. */
  readonly isMainThread: boolean
}

/** Gives what takes it off again. */
export function installExit({ exporter, farewell, isMainThread }: Parts): () => void {
  let heldMs = 0
  const finish = async (withinMs: number): Promise<void> => {
    const startMs = performance.now()
    await exporter.flush(withinMs)
    const leftMs = withinMs - (performance.now() - startMs)
    if (leftMs > 0) await farewell(leftMs)
  }
  const onEmpty = () => {
    // Flushing makes the loop run again, and when it is empty again Node calls us again: the time is one
    // budget for all of them.
    if (heldMs >= EXIT_FLUSH_MS_MAX) return
    const startMs = performance.now()
    void finish(EXIT_FLUSH_MS_MAX - heldMs).then(() => {
      heldMs += performance.now() - startMs
    })
  }
  const onExit = () => exporter.flushSync()
  const onSignal = (signal: NodeJS.Signals) => {
    const isOurs = process.listenerCount(signal) === 1
    if (!isOurs) return void exporter.flush(EXIT_FLUSH_MS_MAX)
    void finish(EXIT_FLUSH_MS_MAX).then(() => {
      process.removeListener(signal, onSignal)
      if (process.listenerCount(signal) === 0) process.kill(process.pid, signal)
    })
  }
  process.on('beforeExit', onEmpty)
  process.on('exit', onExit)
  if (isMainThread) for (const signal of SIGNALS) process.on(signal, onSignal)
  return () => {
    process.removeListener('beforeExit', onEmpty)
    process.removeListener('exit', onExit)
    for (const signal of SIGNALS) process.removeListener(signal, onSignal)
  }
}
