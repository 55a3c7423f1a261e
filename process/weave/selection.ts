// Which modules are woven, and what their files are called.
//
//   /app/src/store.ts                       src/store.ts        from the folder of its package.json
//   /app/node_modules/pg/lib/client.js      pg/lib/client.js    a library's name first
//
// Patterns of CROSSCUT_WEAVE are read in order, the last that fits decides: `pg/**` adds a library,
// `!src/generated/**` leaves files out, `none` all of them.

import { existsSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

export type Matches = (pattern: string, name: string) => boolean

const MODULES = '/node_modules/'
/** This package where it is installed; in its own source tree, what is loaded into a process. */
const OWN = fileURLToPath(new URL('.', import.meta.url.replace('/process/weave/', '/process/')))

/** Owned by one weave. */
export class Selection {
  readonly #patterns: readonly string[]
  readonly #matches: Matches
  readonly #roots = new Map<string, string>()

  constructor(patterns: readonly string[], matches: Matches) {
    this.#patterns = patterns
    this.#matches = matches
  }

  /** The file's label; undefined where it is not to be woven. */
  labelOf(file: string): string | undefined {
    if (file.startsWith(OWN)) return undefined
    const label = this.nameOf(file)
    return this.#isChosen(label, !file.includes(MODULES)) ? label : undefined
  }

  /** What a file is called, woven or not. */
  nameOf(file: string): string {
    const at = file.lastIndexOf(MODULES)
    const name = at >= 0 ? file.slice(at + MODULES.length) : path.relative(this.#rootOf(file), file)
    return name.replaceAll(path.sep, '/')
  }

  #isChosen(label: string, isApplication: boolean): boolean {
    let isChosen = isApplication
    for (const pattern of this.#patterns) {
      if (pattern === 'none') isChosen = false
      else if (pattern.startsWith('!')) isChosen &&= !this.#fits(pattern.slice(1), label)
      else isChosen ||= this.#fits(pattern, label)
    }
    return isChosen
  }

  #fits(pattern: string, label: string): boolean {
    return this.#matches(pattern, label) || this.#matches(`**/${pattern}`, label)
  }

  #rootOf(file: string): string {
    const folder = path.dirname(file)
    const known = this.#roots.get(folder)
    if (known !== undefined) return known
    const root = existsSync(path.join(folder, 'package.json')) ? folder : this.#above(folder)
    this.#roots.set(folder, root)
    return root
  }

  #above(folder: string): string {
    const parent = path.dirname(folder)
    return parent === folder ? folder : this.#rootOf(path.join(parent, 'x'))
  }
}
