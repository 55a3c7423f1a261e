// What the tests of this folder share: the command line beside a running server, and files in its folder.

import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { ROOT } from '../../scripts/toolchain.mjs'
import type { Crosscut } from '../system/running.ts'

export type Ended = { readonly code: number | null; readonly out: string; readonly err: string }

/** `crosscut ARGS` in the folder of the server. */
export function cli(crosscut: Crosscut, args: readonly string[]): Promise<Ended> {
  const main = path.join(ROOT, 'face', 'cli', 'main.ts')
  const child = spawn(process.execPath, [main, ...args], { cwd: crosscut.folder })
  let [out, err] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString()
  })
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, out, err })))
}

/** Its name. */
export function fileOf(crosscut: Crosscut, name: string, content: string | Uint8Array): string {
  writeFileSync(path.join(crosscut.folder, name), content)
  return name
}
