// Completes package-lock.json: a lock made where the registry lacks some foreign-platform packages misses
// their entries, and `npm ci` then fails on every machine (EUSAGE). Each missing optional dependency is added
// as npm itself would note it. `--check` changes nothing and fails when something is missing (a test runs
// it).

import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { ROOT, fail, say } from './toolchain.mjs'

type LockEntry = {
  version?: string
  optional?: boolean
  dev?: boolean
  os?: string[]
  cpu?: string[]
  libc?: string[]
  optionalDependencies?: Record<string, string>
}
type Lock = { packages: Record<string, LockEntry> }

const OS = /(darwin|linux|win32|android|freebsd|openharmony)/
const CPU = /(arm64|x64|ia32|arm|ppc64|s390x|riscv64|loong64|wasm32)/
const LIBC = /(gnu|musl)/

/** Entries that the lock should have and has not, by the place where npm would put them. */
export function missingEntries(lock: Lock): Map<string, LockEntry> {
  const missing = new Map<string, LockEntry>()
  for (const [place, entry] of Object.entries(lock.packages)) {
    for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
      const found = resolve(lock, place, name)
      const isPinned = /^\d/.test(range)
      if (found !== undefined && (!isPinned || found.version === range)) continue
      const target = found === undefined ? `node_modules/${name}` : `${place}/node_modules/${name}`
      missing.set(target, platformEntry(name, range, entry.dev === true))
    }
  }
  return missing
}

/** What `name` means to the package at `place`: the nearest node_modules upwards, as Node resolves. */
function resolve(lock: Lock, place: string, name: string): LockEntry | undefined {
  for (let at = place; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    const entry = lock.packages[`${at === '' ? '' : `${at}/`}node_modules/${name}`]
    if (entry !== undefined || at === '') return entry
  }
}

function platformEntry(name: string, range: string, isDev: boolean): LockEntry {
  const os = OS.exec(name)?.[1]
  const cpu = CPU.exec(name)?.[1]
  const libc = LIBC.exec(name)?.[1]
  return {
    version: range.replace(/^[\^~]/, ''),
    ...(isDev ? { dev: true } : {}),
    optional: true,
    ...(os === undefined ? {} : { os: [os] }),
    ...(cpu === undefined ? {} : { cpu: [cpu] }),
    ...(libc === undefined ? {} : { libc: [libc === 'gnu' ? 'glibc' : libc] }),
  }
}

if (process.argv[1] === import.meta.filename) {
  const file = path.join(ROOT, 'package-lock.json')
  const lock = JSON.parse(readFileSync(file, 'utf8')) as Lock
  const missing = missingEntries(lock)
  if (process.argv.includes('--check')) {
    if (missing.size > 0)
      fail(
        `package-lock.json lacks ${[...missing.keys()].join(', ')}; mend: npm run -s node -- scripts/lock.ts`,
      )
  } else {
    Object.assign(lock.packages, Object.fromEntries(missing))
    lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)))
    writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`)
    say(`package-lock.json: ${missing.size} entries added`)
  }
}
