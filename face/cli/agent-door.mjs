// Loaded by `crosscut run` in the clone, by any Node that NODE_OPTIONS reaches: it lets in only those that
// can run the agent.
//
//   Node >= 22.18   the sources, types stripped by Node
//   Node >= 22.15   the built agent, when dist/crosscut is there
//   older           nothing: the program runs as it would without us, and one line on stderr says so

import { existsSync } from 'node:fs'
import module from 'node:module'
import { fileURLToPath } from 'node:url'

const [major, minor] = process.versions.node.split('.').map(Number)
const isAtLeast = (wantedMajor, wantedMinor) =>
  major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)
const built = new URL('../../dist/crosscut/agent.js', import.meta.url)
/** Types are stripped once and kept: 0.1 s of CPU instead of 0.38 s for each process that starts. */
const cache = fileURLToPath(new URL('../../node_modules/.cache/crosscut', import.meta.url))

if (isAtLeast(23, 6) || (major === 22 && minor >= 18)) {
  module.enableCompileCache(cache)
  await import('crosscut/agent')
} else if (isAtLeast(22, 15) && existsSync(built)) {
  await import(built.href)
} else if (!/[\\/]npm(-cli)?(\.js)?$|[\\/]npx(-cli)?(\.js)?$/.test(process.argv[1] ?? '')) {
  process.stderr.write(
    `crosscut: Node ${process.version} cannot run the agent (22.18 or newer is needed); this process is not traced\n`,
  )
}
