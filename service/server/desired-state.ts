// What agents shall be, as this server wants it: kept in state.json, signed for each telling, never going
// back.
//
// The version grows with each change and is written (synced) before anybody is told, so a server that is
// killed and started again can only ever tell the same or a higher one. Each telling has a fresh expiry;
// renewals keep the version.
// Source: core/protocol/desired-state.ts (the four attacks of TUF).

import { sign } from 'node:crypto'
import { encodeBase64Url } from '#base'
import type { DesiredState, SamplingState, SignedState, ToolPackage } from '#protocol'
import type { DataDir } from './data-dir.ts'
import { readIfThere, replaceFile } from './files.ts'
import { PACKAGES_MAX, STATE_RENEW_MS, STATE_VALID_MS } from './limits.ts'
import { RequestError, ServerError } from './server-error.ts'

type Saved = {
  readonly version: number
  readonly disabled: boolean
  readonly packages: readonly ToolPackage[]
}

export class DesiredStateStore {
  readonly #dataDir: DataDir
  readonly #file: string
  readonly #nowMs: () => number
  readonly #listeners = new Set<() => void>()
  readonly #renewal: NodeJS.Timeout
  #saved: Saved
  /** Packages of live queries: told with the others, not kept with them. */
  #leased: readonly ToolPackage[] = []
  /** What is each agent's own. */
  #sampling: (agent: string) => SamplingState | undefined = () => undefined

  constructor(dataDir: DataDir, nowMs: () => number) {
    this.#dataDir = dataDir
    this.#file = `${dataDir.dir}/state.json`
    this.#nowMs = nowMs
    this.#saved = readSaved(this.#file)
    this.#renewal = setInterval(() => this.#tell(), STATE_RENEW_MS)
    this.#renewal.unref()
  }

  get packages(): readonly ToolPackage[] {
    return this.#saved.packages
  }

  get version(): number {
    return this.#saved.version
  }

  get disabled(): boolean {
    return this.#saved.disabled
  }

  /** Signed now for this agent, valid for STATE_VALID_MS. */
  signed(agent = ''): SignedState {
    const sampling = this.#sampling(agent)
    const state: DesiredState = {
      format: 1,
      fleet: this.#dataDir.fleet,
      expiresMs: this.#nowMs() + STATE_VALID_MS,
      ...this.#saved,
      packages: [...this.#saved.packages, ...this.#leased],
      ...(sampling === undefined ? {} : { sampling }),
    }
    const payload = Buffer.from(JSON.stringify(state))
    return {
      payload: encodeBase64Url(payload),
      signature: encodeBase64Url(sign(null, payload, this.#dataDir.signingKey)),
      publicKey: this.#dataDir.publicKey,
    }
  }

  /** Called with each change and each renewal; the result ends it. */
  listen(fn: () => void): () => void {
    this.#listeners.add(fn)
    return () => {
      this.#listeners.delete(fn)
    }
  }

  /** Puts a package in the place of the one of its name: with a version more, and what was released. */
  deploy(tool: Omit<ToolPackage, 'version' | 'release'>): ToolPackage {
    const others = this.#saved.packages.filter(({ name }) => name !== tool.name)
    if (others.length >= PACKAGES_MAX)
      throw new RequestError(409, 'E_TOO_MANY_TOOLS', `at most ${PACKAGES_MAX} tools`, 'remove one')
    const before = this.#saved.packages.find(({ name }) => name === tool.name)
    const deployed = { ...tool, version: (before?.version ?? 0) + 1, release: before?.release ?? 0 }
    this.#change({ packages: [...others, deployed] })
    return deployed
  }

  /** What a tool holds is let go, wherever and whenever agents hear of it; its version stays. */
  release(name: string): void {
    const released = (tool: ToolPackage) =>
      tool.name === name ? { ...tool, release: (tool.release ?? 0) + 1 } : tool
    this.#change({ packages: this.#saved.packages.map(released) })
  }

  /** False = there was none. */
  remove(name: string): boolean {
    const packages = this.#saved.packages.filter((tool) => tool.name !== name)
    if (packages.length === this.#saved.packages.length) return false
    this.#change({ packages })
    return true
  }

  /** Replaces the leased packages. */
  lease(packages: readonly ToolPackage[]): void {
    if (packages.length === 0 && this.#leased.length === 0) return
    this.#leased = packages
    this.#change({})
  }

  /** Asked for each telling. */
  sampleBy(sampling: (agent: string) => SamplingState | undefined): void {
    this.#sampling = sampling
  }

  /** `isNew`: not only shares are others. */
  sampleAnew(isNew: boolean): void {
    if (isNew) this.#change({})
    else this.#tell()
  }

  setDisabled(disabled: boolean): void {
    if (disabled !== this.#saved.disabled) this.#change({ disabled })
  }

  close(): void {
    clearInterval(this.#renewal)
    this.#listeners.clear()
  }

  #change(change: Partial<Saved>): void {
    const next = { ...this.#saved, ...change, version: this.#saved.version + 1 }
    replaceFile(this.#file, JSON.stringify(next, null, 2))
    this.#saved = next
    this.#tell()
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }
}

/**
 * Refuses to start on a damaged file: starting at version 0 again would be a rollback that agents ignore for
 * ever.
 */
function readSaved(file: string): Saved {
  const text = readIfThere(file)
  if (text === undefined) return { version: 1, disabled: false, packages: [] }
  try {
    const value: unknown = JSON.parse(text)
    if (isSaved(value)) return { version: value.version, disabled: value.disabled, packages: value.packages }
  } catch (cause: unknown) {
    throw new ServerError('E_DATA_DAMAGED', `${file} is not JSON; restore it from a copy`, { cause })
  }
  throw new ServerError('E_DATA_DAMAGED', `${file} is not a desired state; restore it from a copy`)
}

function isSaved(value: unknown): value is Saved {
  return (
    typeof value === 'object' &&
    value !== null &&
    'version' in value &&
    Number.isSafeInteger(value.version) &&
    'disabled' in value &&
    typeof value.disabled === 'boolean' &&
    'packages' in value &&
    Array.isArray(value.packages) &&
    value.packages.every(isPackage)
  )
}

/** Only what this server itself relies on: agents verify the rest, and refuse a package by itself. */
function isPackage(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    'name' in value &&
    typeof value.name === 'string' &&
    'version' in value &&
    Number.isSafeInteger(value.version) &&
    'advice' in value &&
    Array.isArray(value.advice)
  )
}
