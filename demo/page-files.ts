// What the page of pieces loads beside itself: its script, and the recorder of the package `crosscut`, file
// by file, as an application without a bundler would serve it. In a clone that package is TypeScript.

import { readFile } from 'node:fs/promises'
import { stripTypeScriptTypes } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

/** undefined = there is no such script. */
export async function scriptOf(name: string): Promise<string | undefined> {
  if (name === 'pieces.mjs') return await readFile(new URL('pieces.mjs', import.meta.url), 'utf8')
  if (!/^[a-z-]+\.js$/.test(name)) return undefined
  const entry = fileURLToPath(import.meta.resolve('crosscut/browser'))
  const isSource = entry.endsWith('.ts')
  const base = name === 'index.js' ? path.basename(entry) : isSource ? name.replace(/js$/, 'ts') : name
  try {
    const text = await readFile(path.join(path.dirname(entry), base), 'utf8')
    return isSource ? stripTypeScriptTypes(text).replaceAll(/(['"]\.\/[a-z-]+)\.ts(['"])/g, '$1.js$2') : text
  } catch {
    return undefined
  }
}
