// The load hook: modules on their way to Node pass through here once.
//
//   load(url) ── next ──► source ── chosen? ──► types stripped ──► parsed ──► woven text ──► Node
//                                                                               │
//   the module begins: publish({ id, class, door, set }) on a channel with a random name ◄┘
//
// Whatever fails here, the module is loaded as it was written.

import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { createRequire, registerHooks, stripTypeScriptTypes } from 'node:module'
import { fileURLToPath } from 'node:url'
import { shapeOf, type FunctionShape } from './functions.ts'
import { createHash } from 'node:crypto'
import { SOURCE_CHARS_MAX } from './limits.ts'
import { originalOf } from './original.ts'
import type * as Parser from './parser.ts'
import { Selection, type Matches } from './selection.ts'
import { Sites, type Hook, type WovenFunction } from './sites.ts'
import { MARK, weaveText } from './transform.ts'
import { WovenModule, type ModuleText, type Registration } from './woven-module.ts'

export type WeaveOptions = {
  /** CROSSCUT_WEAVE. */
  readonly patterns: readonly string[]
  readonly matches: Matches
  /** Random, of this process. */
  readonly nonce: string
  /** A module stays as it is written, and why. Must not throw. */
  readonly onUnwoven: (reason: UnwovenReason, label: string) => void
}

export type UnwovenReason = 'too-large' | 'woven-before' | 'not-parsed' | 'types-not-stripped' | 'failed'

type LoadHook = NonNullable<Parameters<typeof registerHooks>[0]['load']>
type Loaded = ReturnType<LoadHook>
type Pending = { readonly text: ModuleText; readonly guarded: readonly FunctionShape[] }

/** Owned by one agent. Modules that are loaded meanwhile stay woven, asleep, when it is closed. */
export class Weave {
  readonly #options: WeaveOptions
  readonly #selection: Selection
  readonly #sites = new Sites()
  readonly #channel: string
  readonly #pending = new Map<number, Pending>()
  /** Whose classes may still come. */
  readonly #modules = new Map<number, WovenModule>()
  readonly #hooks: { deregister(): void }
  readonly #onRegister = (message: unknown): void => this.#register(message)
  #parser: typeof Parser | undefined
  #lastId = 0

  constructor(options: WeaveOptions) {
    this.#options = options
    this.#selection = new Selection(options.patterns, options.matches)
    this.#channel = `crosscut.weave.${options.nonce}`
    subscribe(this.#channel, this.#onRegister)
    this.#hooks = registerHooks({ load: (url, context, next) => this.#load(url, next(url, context)) })
  }

  /**
   * Functions of modules that were loaded before: those of CommonJS, and of the ES modules with these URLs,
   * which must be loaded. How it is done is loaded here: 3 kB that only a process which is attached to needs.
   */
  async adopt(urls: readonly string[]): Promise<void> {
    const { adoptedFunctions, loadedModules } = await import('./adopted.ts')
    for (const loaded of await loadedModules(urls.filter((url) => url.startsWith('file:')))) {
      const label = this.#selection.labelOf(loaded.file)
      if (label !== undefined)
        for (const site of adoptedFunctions(loaded, label)) this.#sites.adopt(() => site)
    }
  }

  arm(hookFor: (fn: WovenFunction) => Hook | undefined): void {
    this.#sites.arm(hookFor)
  }

  get functions(): readonly WovenFunction[] {
    return this.#sites.functions
  }

  close(): void {
    this.#hooks.deregister()
    this.arm(() => undefined)
    unsubscribe(this.#channel, this.#onRegister)
  }

  #load(url: string, loaded: Loaded): Loaded {
    if (!url.startsWith('file:')) return loaded
    let label: string | undefined
    try {
      label = this.#selection.labelOf(fileURLToPath(url))
      return label === undefined ? loaded : this.#weave({ label, url }, loaded)
    } catch (error: unknown) {
      if (error instanceof Unwoven) this.#options.onUnwoven(error.reason, label ?? url)
      else this.#options.onUnwoven('failed', label ?? url)
      return loaded
    }
  }

  #weave({ label, url }: { readonly label: string; readonly url: string }, loaded: Loaded): Loaded {
    const kind = KINDS.get(loaded.format ?? '')
    if (kind === undefined || loaded.source === undefined || loaded.source === null) return loaded
    const written = textOf(loaded.source)
    if (written.length > SOURCE_CHARS_MAX) throw new Unwoven('too-large')
    if (written.includes(MARK)) throw new Unwoven('woven-before')
    const source = kind.isTyped ? stripped(written) : written
    const program = this.#parse(source, kind.type)
    const id = ++this.#lastId
    const woven = weaveText(source, { program, shape: shapeOf(program) }, { channel: this.#channel, id })
    if (woven === undefined) return loaded
    const hash = createHash('sha256').update(written).digest('hex').slice(0, 16)
    const original = originalOf(written, url)
    this.#pending.set(id, {
      text: { label, url, source, hash, type: kind.type, original },
      guarded: woven.guarded,
    })
    return { ...loaded, format: kind.format, source: woven.text }
  }

  #parse(source: string, type: Parser.SourceType): Parser.Program {
    this.#parser ??= createRequire(import.meta.url)('#parser') as typeof Parser
    try {
      return this.#parser.parseModule(source, type)
    } catch {
      throw new Unwoven('not-parsed')
    }
  }

  /** A module that is evaluated again (its cache entry was deleted) was loaded again, with a new id. */
  #register(message: unknown): void {
    if (!isRegistration(message)) return
    const known = this.#modules.get(message.id)
    if (known !== undefined) {
      known.open(message)
      return this.#sites.opened()
    }
    const pending = this.#pending.get(message.id)
    if (pending === undefined) return
    this.#pending.delete(message.id)
    const module = new WovenModule(pending.text, (source, type) => this.#parse(source, type), message)
    this.#modules.set(message.id, module)
    this.#sites.add(module, pending.guarded, (file) => this.#selection.nameOf(file))
  }
}

class Unwoven extends Error {
  readonly reason: UnwovenReason

  constructor(reason: UnwovenReason) {
    super(reason)
    this.reason = reason
  }
}

type Kind = {
  readonly type: Parser.SourceType
  readonly isTyped: boolean
  /** What the woven text is. */
  readonly format: string | undefined
}

const KINDS: ReadonlyMap<string, Kind> = new Map([
  ['module', { type: 'module', isTyped: false, format: 'module' }],
  ['commonjs', { type: 'commonjs', isTyped: false, format: 'commonjs' }],
  ['module-typescript', { type: 'module', isTyped: true, format: 'module' }],
  ['commonjs-typescript', { type: 'commonjs', isTyped: true, format: 'commonjs' }],
  ['', { type: 'unknown', isTyped: false, format: undefined }],
])

/** Node says once a process that stripping is experimental: to the host it would be a line of ours. */
function stripped(source: string): string {
  const { emitWarning } = process
  process.emitWarning = () => {}
  try {
    return stripTypeScriptTypes(source)
  } catch {
    throw new Unwoven('types-not-stripped')
  } finally {
    process.emitWarning = emitWarning
  }
}

function textOf(source: NonNullable<Loaded['source']>): string {
  return typeof source === 'string' ? source : new TextDecoder().decode(source)
}

function isRegistration(message: unknown): message is Registration {
  return typeof message === 'object' && message !== null && 'id' in message && 'door' in message
}
