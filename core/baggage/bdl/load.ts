// loadBdl: a text at run time becomes bags that read and write.

import { formatDiagnostic, spanOf, type Diagnostic } from '#base'
import { BDL_DIAGNOSTICS_MAX, BDL_TEXT_CHARS_MAX } from '../limits.ts'
import type { Ports } from '../writer.ts'
import { SchemaBag, type BagType } from './bag-type.ts'
import { check, type CheckedFile, type Ids } from './check.ts'
import { compile } from './compile.ts'
import { parse } from './parser.ts'
import type { Schema } from './schema.ts'
import type { Range, Report } from './syntax.ts'

export class BdlError extends Error {
  override readonly name = 'BdlError'
  readonly code = 'E_BDL'
  readonly diagnostics: readonly Diagnostic[]

  constructor(diagnostics: readonly Diagnostic[]) {
    super(diagnostics.map(formatDiagnostic).join('\n'))
    this.diagnostics = diagnostics
  }
}

export type BdlOptions = {
  /** Ids of bags, instead of or beside `bag Name = id {`. */
  readonly ids?: Ids
  /** Texts by the path under which `import "path";` names them. */
  readonly imports?: { readonly [path: string]: string }
}

export type LoadOptions = BdlOptions & {
  /** For tests and simulation; default: the machine's time and cryptographic randomness. */
  readonly ports?: Partial<Ports>
}

/** Every bag of the text that has an id, by name. Errors: BdlError with all diagnostics. */
export function loadBdl(source: string, options: LoadOptions = {}): Record<string, BagType> {
  const schema = readSchema(source, options)
  const ports: Ports = { ...machinePorts, ...options.ports }
  const bags: Record<string, BagType> = Object.create(null)
  for (const [{ name, id }, node] of compile(schema))
    if (id !== undefined) bags[name] = new SchemaBag({ name, id, node, ports })
  return bags
}

/** The tree of types of a text. Errors: BdlError. */
export function readSchema(source: string, options: BdlOptions = {}): Schema {
  const diagnostics: Diagnostic[] = []
  const files = parseAll(source, options.imports ?? {}, diagnostics)
  const schema = diagnostics.length === 0 ? check(files, options.ids ?? {}) : undefined
  if (schema === undefined || diagnostics.length > 0) throw new BdlError(diagnostics)
  return schema
}

/** All diagnostics of a text; none when it loads. */
export function checkBdl(source: string, options: BdlOptions = {}): readonly Diagnostic[] {
  try {
    readSchema(source, options)
    return []
  } catch (error: unknown) {
    if (error instanceof BdlError) return error.diagnostics
    throw error
  }
}

/** The text and everything it imports, each once; files may import each other. */
function parseAll(
  source: string,
  imports: Readonly<Record<string, string>>,
  diagnostics: Diagnostic[],
): CheckedFile[] {
  const files = [parseOne(source, '', diagnostics)]
  const seen = new Set<string>()
  for (const { file, report } of files) {
    for (const { path, start, end } of file.imports) {
      if (seen.has(path)) continue
      seen.add(path)
      const text = Object.hasOwn(imports, path) ? imports[path] : undefined
      if (text === undefined)
        report({ start, end }, `there is no text for import "${path}"`, {
          note: 'pass it in options.imports',
        })
      else files.push(parseOne(text, path, diagnostics))
    }
  }
  return files
}

function parseOne(text: string, path: string, diagnostics: Diagnostic[]): CheckedFile {
  const report: Report = (range: Range, message, more = {}) => {
    if (diagnostics.length >= BDL_DIAGNOSTICS_MAX) return
    const prefix = path === '' ? '' : `in "${path}": `
    diagnostics.push({
      severity: 'error',
      span: spanOf(text, range.start, range.end),
      message: prefix + message,
      ...more,
    })
  }
  if (text.length > BDL_TEXT_CHARS_MAX) {
    report({ start: 0, end: 0 }, `a text has at most ${BDL_TEXT_CHARS_MAX} characters`)
    return { file: { text: '', packageName: '', imports: [], declarations: [] }, report }
  }
  return { file: parse(text, report), report }
}

/** What every JavaScript runtime has; the only place in baggage that asks the machine. */
const machinePorts: Ports = {
  clock: { nowNs: () => BigInt(Date.now()) * 1_000_000n },
  random: {
    fill(bytes) {
      // A new array: the types of getRandomValues refuse views of unknown buffers.
      bytes.set(crypto.getRandomValues(new Uint8Array(bytes.length)))
    },
  },
}
