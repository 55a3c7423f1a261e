// `parse` of the public face: a tree, and what is wrong with the text.

import { Reporter, type Diagnostic } from '#base'
import { parseQuery } from './parser.ts'
import { resolveQuery, type Surroundings } from './resolve.ts'
import type { Query } from './syntax.ts'

/**
 * All that is wrong, at once: spelling, names, types. `query` is there when the text could be read and
 * nothing is an error. `around`: views that may be named, and what tracepoints there are; without a
 * vocabulary any tracepoint and variable may exist.
 */
export function parse(
  text: string,
  around: Surroundings = {},
): { readonly query?: Query; readonly diagnostics: readonly Diagnostic[] } {
  const report = new Reporter(text)
  const query = parseQuery(text, report)
  if (query !== undefined) resolveQuery(query, around, report)
  const diagnostics = [...report.diagnostics].sort((a, b) => a.span.start - b.span.start)
  return query === undefined || report.hasErrors ? { diagnostics } : { query, diagnostics }
}
