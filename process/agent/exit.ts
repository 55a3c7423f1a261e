// The host's end: what still waits is sent, and nothing about the end itself changes.
//
//   event loop ran empty (beforeExit)     flush, held for at most EXIT_FLUSH_MS_MAX; then it exits by itself
//   SIGTERM, SIGINT, no handler of the host  flush, then the same signal again without us: same exit status
//   SIGTERM, SIGINT, with a handler          the host decides; we only send at once
//   process.exit()                           one synchronous write on the kept connection

import type { Exporter } from './exporter.ts'
import { EXIT_FLUSH_MS_MAX } from './limits.ts'

const SIGNALS = ['SIGTERM', 'SIGINT'] as const

/** Gives what takes it off again. `isMainThread`: signals never reach worker threads. */
export function installExit(exporter: Exporter, isMainThread: boolean): () => void {
  let heldMs = 0
  const onEmpty = () => {
    // Flushing makes the loop run again, and when it is empty again Node calls us again: the time is one
    // budget for all of them.
    if (heldMs >= EXIT_FLUSH_MS_MAX) return
    const startMs = performance.now()
    void exporter.flush(EXIT_FLUSH_MS_MAX - heldMs).then(() => {
      heldMs += performance.now() - startMs
    })
  }
  const onExit = () => exporter.flushSync()
  const onSignal = (signal: NodeJS.Signals) => {
    const isOurs = process.listenerCount(signal) === 1
    const flushed = exporter.flush(EXIT_FLUSH_MS_MAX)
    if (!isOurs) return
    void flushed.then(() => {
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
