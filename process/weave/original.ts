// Where a place of a compiled file stands in the files it was made of: by its source map, inline or beside
// it.
//
//   dist/store.js 14:2 ──► src/store.ts, line 31        a bundle has many; without a map, it is where it is
//
// Functions are named and counted by the files that people read.

import { readFileSync } from 'node:fs'
import { SourceMap } from 'node:module'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { SOURCE_MAP_CHARS_MAX } from './limits.ts'

export interface Original {
  /** 1-based line, 0-based column; `file`: absolute, undefined where no map says. */
  at(line: number, column: number): { readonly file: string | undefined; readonly line: number }
}

export const AS_IT_IS: Original = { at: (line) => ({ file: undefined, line }) }

/** What the text says of its map, at its end. Of a map that cannot be read: as it is. */
export function originalOf(source: string, url: string): Original {
  const named = /^\/\/[#@] ?sourceMappingURL=(\S+)/.exec(
    source.slice(Math.max(0, source.lastIndexOf('\n//') + 1)),
  )
  if (named === null) return AS_IT_IS
  try {
    const isInline = named[1].startsWith('data:')
    const base = isInline ? url : new URL(named[1], url).href
    const text = isInline ? inline(named[1]) : readFileSync(fileURLToPath(base), 'utf8')
    return text.length > SOURCE_MAP_CHARS_MAX ? AS_IT_IS : mapped(JSON.parse(text), base)
  } catch {
    return AS_IT_IS
  }
}

function inline(url: string): string {
  const comma = url.indexOf(',')
  const data = url.slice(comma + 1)
  return url.slice(0, comma).endsWith(';base64')
    ? Buffer.from(data, 'base64').toString('utf8')
    : decodeURIComponent(data)
}

function mapped(payload: ConstructorParameters<typeof SourceMap>[0], base: string): Original {
  const map = new SourceMap(payload)
  const files = new Map<string, string | undefined>()
  const root = payload.sourceRoot ? `${payload.sourceRoot.replace(/\/$/, '')}/` : ''
  const fileOf = (source: string): string | undefined => {
    if (!files.has(source)) files.set(source, resolved(`${root}${source}`, base))
    return files.get(source)
  }
  return {
    at: (line, column) => {
      const found = map.findEntry(line - 1, column)
      if (!('originalSource' in found)) return { file: undefined, line }
      return { file: fileOf(found.originalSource), line: found.originalLine + 1 }
    },
  }
}

/** `webpack://name/./src/a.ts` and its like are counted from the folder of the map. */
function resolved(source: string, base: string): string | undefined {
  const made = /^[a-z][a-z0-9+.-]+:\/\/[^/]*\/(.*)$/i.exec(source)
  if (made !== null && !source.startsWith('file:'))
    return path.join(path.dirname(fileURLToPath(base)), made[1])
  const url = path.isAbsolute(source) ? pathToFileURL(source) : new URL(source, base)
  return url.protocol === 'file:' ? fileURLToPath(url) : undefined
}
