// Debian packages that the tests use. Missing ones are installed where we may (root on Debian), named with
// their one command where we may not.

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fail, say } from './toolchain.mjs'

/** What a test needs and where its binary lies. */
const NEEDED = [{ binary: '/usr/bin/chromium', debianPackage: 'chromium', why: 'browser tests' }] as const

/** Returns when all is there; exits with the command that installs what is not. */
export function ensureSystemPackages(): void {
  const missing = NEEDED.filter((need) => !existsSync(need.binary))
  if (missing.length === 0) return
  const names = missing.map((need) => need.debianPackage)
  const install = ['install', '-y', '--no-install-recommends', ...names]
  const command = `sudo apt-get update && sudo apt-get ${install.join(' ')}`
  if (!existsSync('/usr/bin/apt-get') || process.getuid?.() !== 0) {
    const wanted = missing.map((need) => `${need.debianPackage} (${need.why})`)
    fail(`missing: ${wanted.join(', ')}. Install with:\n  ${command}`)
  }
  say(`installing ${names.join(', ')} from Debian`)
  for (const args of [['update'], install]) {
    const done = spawnSync('apt-get', args, {
      stdio: ['ignore', 'ignore', 2],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    })
    if (done.status !== 0) fail(`apt-get ${args[0]} failed. By hand:\n  ${command}`)
  }
}
