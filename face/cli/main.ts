#!/usr/bin/env node
// The entry of `crosscut`: a process around command.ts. First Ctrl-C asks to end, the second ends.

import { command } from './command.ts'
import type { Io } from './verb.ts'

const ending = new AbortController()
let isAsked = false
if (process.argv[2] !== 'run') {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (isAsked) process.exit(130)
      isAsked = true
      ending.abort()
    })
  }
}
// `crosscut traces | head` closes our stdout: that is the reader's wish, not a failure.
process.stdout.on('error', (error: Error) => {
  if ('code' in error && error.code === 'EPIPE') process.exit(0)
})

const { NO_COLOR, FORCE_COLOR, TERM } = process.env
const io: Io = {
  out: (text) => {
    process.stdout.write(text)
  },
  say: (text) => {
    process.stderr.write(text)
  },
  env: process.env,
  cwd: process.cwd(),
  columns: process.stdout.isTTY ? process.stdout.columns : undefined,
  isColoured:
    (NO_COLOR ?? '') === '' && (process.stdout.isTTY || (FORCE_COLOR ?? '') !== '') && TERM !== 'dumb',
  signal: ending.signal,
}

try {
  process.exitCode = await command(io, process.argv.slice(2))
} catch (error: unknown) {
  process.stderr.write(
    `crosscut: this is a defect of ours: ${error instanceof Error ? error.stack : String(error)}\n`,
  )
  process.exitCode = 1
}
// What a verb left open (a kept-alive socket) must not keep the terminal.
if (process.exitCode !== undefined) setTimeout(() => process.exit(), 250).unref()
