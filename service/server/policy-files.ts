// Policies that users write: TypeScript files in DIR/policies, each run in a process of its own.
//
//   think: picture --> process of each --> wishes, kept      then the controller steps: wishes are fulfilled
//
// A file is known by its name. It is loaded when a policy of it is set, once one step of it was tried, and at
// start; one that is changed is loaded when it is set again. Files are code of the server: whoever can write
// the data folder is the operator, and the API takes none.

import { readdirSync } from 'node:fs'
import path from 'node:path'
import { fulfil, PolicyError, type Picture, type Wish } from '#control'
import type { Policy } from '#fair'
import type { PolicyTypeView } from '#protocol'
import { readIfThere } from './files.ts'
import { POLICY_FILES_SHOWN } from './limits.ts'
import { PolicyProcess } from './policy-process.ts'

type Params = Readonly<Record<string, number>>

const FILE_NAME = /^[\w-][\w.-]*\.ts$/
const DIR_NAME = 'policies'

export const isPolicyFile = (policy: string): boolean => FILE_NAME.test(policy)

export class PolicyFiles {
  readonly #dir: string
  readonly #running = new Map<string, RunningFile>()

  constructor(dataDir: string) {
    this.#dir = path.join(dataDir, DIR_NAME)
  }

  has(file: string): boolean {
    return this.#names().includes(file)
  }

  /** What there is, described by its first line of comment. */
  types(): PolicyTypeView[] {
    return this.#names()
      .slice(0, POLICY_FILES_SHOWN)
      .map((policy) => ({
        policy,
        does: firstComment(readIfThere(path.join(this.#dir, policy)) ?? ''),
        needsTargets: true,
        params: [],
        file: `${DIR_NAME}/${policy}`,
      }))
  }

  /** Loaded, and stepped once over how things are; `start` takes it on. Errors: PolicyError. */
  async tryOut(file: string, picture: Picture, params: Params): Promise<PolicyProcess> {
    const child = new PolicyProcess(path.join(this.#dir, file))
    try {
      await child.loaded
      await child.step({ picture, params, isTrial: true })
      return child
    } catch (error: unknown) {
      child.close()
      throw error
    }
  }

  /** The policy that does under this name what the file says, which has none running. */
  start(name: string, file: string, options: { params: Params; child?: PolicyProcess }): Policy {
    const running = new RunningFile(path.join(this.#dir, file), options)
    this.#running.set(name, running)
    return running
  }

  stop(name: string): void {
    this.#running.get(name)?.close()
    this.#running.delete(name)
  }

  /** All at once; those that do not answer in time have nothing to say. Never throws. */
  async think(pictureOf: (name: string) => Picture): Promise<void> {
    await Promise.all([...this.#running].map(([name, running]) => running.think(() => pictureOf(name))))
  }

  close(): void {
    for (const name of [...this.#running.keys()]) this.stop(name)
  }

  #names(): string[] {
    try {
      return readdirSync(this.#dir).filter(isPolicyFile).sort()
    } catch {
      // Nobody has put any there.
      return []
    }
  }
}

/** What was thought becomes what is set. */
class RunningFile implements Policy {
  readonly name: string
  readonly #file: string
  readonly #params: Params
  #child: PolicyProcess
  #thought: readonly Wish[] | PolicyError = []

  constructor(file: string, { params, child }: { params: Params; child?: PolicyProcess }) {
    this.name = path.basename(file)
    this.#file = file
    this.#params = params
    this.#child = child ?? new PolicyProcess(file)
  }

  async think(picture: () => Picture): Promise<void> {
    const child = this.#child
    if (child.isLoaded && child.failure === undefined) {
      const question = { picture: picture(), params: this.#params, isTrial: false }
      this.#thought = await child.step(question).catch(ofFile)
    } else {
      // While it begins anew, what ended it stands.
      const before = this.#thought instanceof PolicyError ? this.#thought : []
      this.#thought = child.failure ?? before
    }
    // One that was loaded may work the next time; one that cannot be loaded waits for somebody to mend it.
    if (child.failure !== undefined && child.isLoaded) this.#child = new PolicyProcess(this.#file)
  }

  /** Errors: PolicyError, as long as the file makes any. */
  step(...[api]: Parameters<Policy['step']>): undefined {
    if (this.#thought instanceof PolicyError) throw this.#thought
    fulfil(this.#thought, api)
    this.#thought = []
  }

  close(): void {
    this.#child.close()
  }
}

function ofFile(error: unknown): PolicyError {
  return error instanceof PolicyError ? error : new PolicyError('E_POLICY_THREW', String(error))
}

function firstComment(text: string): string {
  return (/^\/\/ ?(.*)$/m.exec(text)?.[1] ?? '').slice(0, 200)
}
