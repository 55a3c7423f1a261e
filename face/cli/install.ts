// Where this program is installed, and the agent with it: the clone (sources) or the package `crosscut`
// (built files).

import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

export type Install = { readonly root: string; readonly isClone: boolean; readonly version: string }

/** The nearest folder above with a package.json named crosscut. */
export function findInstall(from: string = import.meta.dirname): Install {
  for (let folder = from; folder !== path.dirname(folder); folder = path.dirname(folder)) {
    const manifest = readManifest(path.join(folder, 'package.json'))
    if (manifest?.name !== 'crosscut') continue
    return {
      root: folder,
      isClone: existsSync(path.join(folder, 'process/agent/register.ts')),
      version: manifest.version,
    }
  }
  return { root: from, isClone: false, version: '0.0.0' }
}

/** What one types to get this program, for messages that name a next step. */
export function asTyped({ isClone }: Pick<Install, 'isClone'> = findInstall()): string {
  return isClone ? 'npx crosscut' : 'crosscut'
}

/**
 * What `node --import` must load. In the clone it is a door of plain JavaScript that a Node too old for the
 * agent can pass: such a process runs untraced instead of failing. The built agent comes first where it is
 * there for a Node that cannot strip types.
 */
export function agentUrl({ root, isClone }: Install): string {
  const file = isClone ? path.join(root, 'face/cli/agent-door.mjs') : path.join(root, 'agent.js')
  return pathToFileURL(file).href
}

function readManifest(file: string): { readonly name: string; readonly version: string } | undefined {
  if (!existsSync(file)) return undefined
  const manifest: unknown = JSON.parse(readFileSync(file, 'utf8'))
  if (
    typeof manifest !== 'object' ||
    manifest === null ||
    !('name' in manifest) ||
    typeof manifest.name !== 'string'
  )
    return undefined
  return {
    name: manifest.name,
    version: 'version' in manifest && typeof manifest.version === 'string' ? manifest.version : '0.0.0',
  }
}
