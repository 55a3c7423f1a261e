// An empty project with the tarball installed, and programs run in it with the Node under test.

import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { packAll } from '../../scripts/pack.ts'
import { npm } from '../../scripts/toolchain.mjs'

export type Installed = {
  readonly folder: string
  /** Writes a file of the user's project. */
  write(name: string, text: string): string
  /** Runs Node in the project; resolves whatever its exit code is. */
  run(args: readonly string[], env?: Record<string, string>): Promise<Outcome>
  remove(): void
}

export type Outcome = { readonly code: number; readonly stdout: string; readonly stderr: string }

export const NODE = process.env.CROSSCUT_PACKED_NODE ?? process.execPath
const RUN_MS_MAX = 30_000

export async function tarballs(): Promise<string> {
  return process.env.CROSSCUT_PACKED ?? (await packAll()).folder
}

/** A fresh project with `crosscut` from its tarball and nothing else. */
export async function installCrosscut(): Promise<Installed> {
  const folder = mkdtempSync(path.join(tmpdir(), 'crosscut-packed-'))
  writeFileSync(path.join(folder, 'package.json'), '{ "name": "app", "private": true }\n')
  npm(['install', '--offline', path.join(await tarballs(), 'crosscut-0.1.0.tgz')], folder)
  return {
    folder,
    write(name, text) {
      const file = path.join(folder, name)
      writeFileSync(file, text)
      return file
    },
    run: (args, env = {}) => runNode(folder, args, env),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

function runNode(cwd: string, args: readonly string[], env: Record<string, string>): Promise<Outcome> {
  const inherited = { PATH: process.env.PATH ?? '', HOME: cwd, TMPDIR: tmpdir() }
  return new Promise((resolve) => {
    const child = execFile(
      NODE,
      args,
      { cwd, env: { ...inherited, ...env }, timeout: RUN_MS_MAX },
      (_error, stdout, stderr) => resolve({ code: child.exitCode ?? 1, stdout, stderr }),
    )
  })
}

/** Major version of the Node under test. */
export function nodeMajor(): number {
  return Number(spawnSync(NODE, ['-p', 'process.versions.node.split(".")[0]'], { encoding: 'utf8' }).stdout)
}
