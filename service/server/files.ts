// Small files that must survive: written aside, synced, renamed into place; read whole.
//
// A crash leaves the old file or the new one, never half of either (the folder is synced after the rename).

import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import path from 'node:path'

/**
 * Replaces a file, readable by its owner only. Blocks for one fsync: used at start and on operator actions,
 * never per request.
 */
export function replaceFile(file: string, content: string | Uint8Array): void {
  const aside = `${file}.new`
  const handle = openSync(aside, 'w', 0o600)
  try {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content
    for (let at = 0; at < bytes.length;) at += writeSync(handle, bytes, at)
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
  renameSync(aside, file)
  syncFolder(path.dirname(file))
}

/** undefined = there is no such file; other failures throw. */
export function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error: unknown) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}
