// The parser: acorn, which the build bundles into the package as a file of its own (`#parser`), so that a
// process that weaves nothing never loads it.
//
// A module says by itself what it is; where nobody knows (a `.js` file without a package), a script is tried
// first, as Node does.

import { parse, type Program } from 'acorn'

export type { Program }
export type SourceType = 'module' | 'commonjs' | 'unknown'

/** Errors: SyntaxError. */
export function parseModule(source: string, type: SourceType): Program {
  if (type !== 'unknown') return parseAs(source, type)
  try {
    return parseAs(source, 'commonjs')
  } catch {
    return parseAs(source, 'module')
  }
}

function parseAs(source: string, sourceType: 'module' | 'commonjs'): Program {
  return parse(source, {
    ecmaVersion: 'latest',
    sourceType,
    allowHashBang: true,
    preserveParens: true,
    locations: true,
  })
}
