// The door of the clone: plain JavaScript that any Node >= 20 can run.
//
//   npm run setup | npm start | npm test | npm run bench | npm run -s node -- ARGS
//
// It installs what is missing (Node 24, the locked packages) and hands over to the TypeScript behind it. A
// second run finds everything in place and adds only the start of one process.

import { spawn } from 'node:child_process'
import { existsSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { PROJECT_MAJOR, ROOT, ensureNode, fail, npm, say } from './toolchain.mjs'

const VERBS = {
  setup: ['scripts/setup.ts'],
  start: ['scripts/start.ts'],
  test: ['scripts/test.ts'],
  bench: ['face/cli/main.ts', 'bench'],
  node: [],
}

const [verb = 'start', ...args] = process.argv.slice(2)
const script = VERBS[verb]
if (script === undefined) fail(`no verb '${verb}'; there are ${Object.keys(VERBS).join(', ')}`)
if (Number(process.versions.node.split('.')[0]) < 20)
  fail(`Node 20 or newer is needed; this is ${process.version}`)

const node = ensureNode(PROJECT_MAJOR)
ensurePackages()
hand(node, [...script, ...args])

/** The stamp is ours, not npm's own lock copy: an `npm ci` that was cut off must not look finished. */
function ensurePackages() {
  const lock = path.join(ROOT, 'package-lock.json')
  const stamp = path.join(ROOT, 'node_modules', '.crosscut-setup')
  if (existsSync(stamp) && statSync(stamp).mtimeMs >= statSync(lock).mtimeMs) return
  say('installing packages (npm ci --ignore-scripts): a minute or two, this once')
  npm(['ci'])
  linkOwnBinary()
  writeFileSync(stamp, '')
}

/** So that `npx crosscut` in the clone means this clone, never a package of that name. */
function linkOwnBinary() {
  const link = path.join(ROOT, 'node_modules', '.bin', 'crosscut')
  rmSync(link, { force: true })
  symlinkSync(path.join('..', '..', 'scripts', 'crosscut.mjs'), link)
}

function hand(command, commandArgs) {
  const child = spawn(command, commandArgs, { cwd: verb === 'node' ? process.cwd() : ROOT, stdio: 'inherit' })
  // The terminal sends Ctrl-C to the whole group: the child decides when to end, and we end with it.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    })
  }
  child.on('error', (error) => fail(`cannot start ${command}: ${error.message}`))
  child.on('exit', (code, signal) =>
    process.exit(code ?? (signal === null ? 1 : 128 + (signal === 'SIGINT' ? 2 : 15))),
  )
}
