#!/usr/bin/env node
// `crosscut` in the clone: plain JavaScript that any Node >= 20 can run. It runs face/cli with the project's
// Node and passes signals and the exit code through. In the published package bin is face/cli itself, built.

import { spawn } from 'node:child_process'
import path from 'node:path'
import { PROJECT_MAJOR, ROOT, ensureNode, fail } from './toolchain.mjs'

const main = path.join(ROOT, 'face', 'cli', 'main.ts')
const node = ensureNode(PROJECT_MAJOR)

if (node === process.execPath) {
  await import(main)
} else {
  const child = spawn(node, [main, ...process.argv.slice(2)], { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']) {
    // A terminal sends Ctrl-C to the whole group; from anywhere else only we get it.
    process.on(signal, () => {
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    })
  }
  child.on('error', (error) => fail(`cannot start ${node}: ${error.message}`))
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1)
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']) process.removeAllListeners(name)
    process.kill(process.pid, signal)
  })
}
