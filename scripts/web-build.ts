// The web app's build, made again only when a source of it is newer than what is there.

import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import path from 'node:path'
import { ROOT, fail, say } from './toolchain.mjs'

const WEB = path.join(ROOT, 'face', 'web')
/** The browser app also compiles these folders in: what it may import, and what those import. */
const SOURCES = [
  WEB,
  ...['base', 'baggage', 'protocol', 'advice', 'query', 'model'].map((name) => path.join(ROOT, 'core', name)),
  path.join(ROOT, 'package-lock.json'),
]

/** Builds face/web/dist if it is missing or stale. */
export async function ensureWebBuilt(): Promise<void> {
  const built = path.join(WEB, 'dist', 'index.html')
  if (existsSync(built) && newest(SOURCES) <= statSync(built).mtimeMs) return
  say('building the web app')
  const vite = path.join(ROOT, 'node_modules', 'vite', 'bin', 'vite.js')
  const done = spawnSync(process.execPath, [vite, 'build', '--logLevel', 'warn', WEB], {
    cwd: ROOT,
    stdio: ['ignore', 2, 2],
  })
  if (done.status !== 0) fail('the web app did not build; the lines above say why')
}

function newest(paths: readonly string[]): number {
  let latest = 0
  for (const place of paths) {
    if (path.basename(place) === 'dist') continue
    const stat = statSync(place)
    const inside = stat.isDirectory()
      ? newest(readdirSync(place).map((name) => path.join(place, name)))
      : stat.mtimeMs
    latest = Math.max(latest, inside)
  }
  return latest
}
