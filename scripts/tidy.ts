// The house style as rules over files. Each rule looks at one file (or at the whole list) and says what it
// would mend; none of them runs anything. tidy.test.ts applies them to the tree, and shows each on a small
// bad example.

import path from 'node:path'
import { FOLDERS, IMPORT_TABLE, PACKAGES, mayUseNode } from './import-table.ts'

export type SourceFile = { readonly path: string; readonly text: string }
export type Problem = { readonly path: string; readonly line: number; readonly message: string }

const COLUMNS_MAX = 110
/** What runs first and is imported by nobody. */
const ENTRY_FOLDER = /^(scripts|bench|test|demo|docs)\//
const ENTRY_NAME =
  /\.(test|bench|fuzz|config)\.ts$|\.d\.ts$|(main|register|public|index)\.tsx?$|-(worker|child)\.ts$/
const FROM =
  /(?:^|\n)\s*(?:import|export)\s(?:[^'"\n;]|\n(?!\s*(?:import|export)\s))*?from\s*['"]([^'"]+)['"]/
const CALLED = /import\(\s*['"]([^'"]+)['"]\s*\)/
const BARE = /(?:^|\n)import\s*['"]([^'"]+)['"]/
const IMPORT = new RegExp([FROM, CALLED, BARE].map((form) => form.source).join('|'), 'g')

/** All rules over the whole tree; `exists` answers for links in markdown. */
export function tidy(files: readonly SourceFile[], exists: (path: string) => boolean): Problem[] {
  const code = files.filter((file) => /\.(ts|tsx|mjs)$/.test(file.path))
  const markdown = files.filter((file) => file.path.endsWith('.md'))
  return [
    ...code.flatMap((file) => [...header(file), ...columns(file), ...unfinished(file), ...imports(file)]),
    ...markdown.flatMap((file) => links(file, exists)),
    ...files.flatMap(foreignPlaces),
    ...deadFiles(
      code,
      files.filter((file) => !code.includes(file)),
    ),
    ...readmes(code, files),
  ]
}

/** A file opens with what it does. */
export function header(file: SourceFile): Problem[] {
  const first = file.text.replace(/^#!.*\n/, '')
  if (first.startsWith('//') || first.startsWith('/*')) return []
  return [{ path: file.path, line: 1, message: 'the file does not open with a header comment' }]
}

/** A long literal (a URL, a test vector, a regular expression) may stand on one line. */
const LONG_LITERAL = /https?:\/\/\S{60}|(['"`])(?:(?!\1).){80}|= \/.{90}/

export function columns(file: SourceFile): Problem[] {
  return eachLine(file, (line) => {
    if (line.length <= COLUMNS_MAX || LONG_LITERAL.test(line)) return undefined
    return `${line.length} columns; at most ${COLUMNS_MAX}`
  })
}

/** Assembled from halves, so that this file passes its own rule. */
const UNFINISHED = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX', 'HA' + 'CK'].join('|')})\\b`)

export function unfinished(file: SourceFile): Problem[] {
  return eachLine(file, (line) =>
    UNFINISHED.test(line) ? 'unfinished work is an issue, not a comment' : undefined,
  )
}

/**
 * The import table is law: faces across folders, './x.ts' inside one, packages only where they are listed.
 */
export function imports(file: SourceFile): Problem[] {
  const folder = folderOf(file.path)
  if (folder === undefined) return []
  const isTest = /\.(test|bench|fuzz)\.tsx?$/.test(file.path) || file.path.includes('/test')
  const problems: Problem[] = []
  for (const { specifier, line } of importsOf(file.text)) {
    const message = judge(folder, file.path, specifier, isTest)
    if (message !== undefined) problems.push({ path: file.path, line, message })
  }
  return problems
}

function judge(folder: string, from: string, specifier: string, isTest: boolean): string | undefined {
  if (specifier.startsWith('node:')) {
    return mayUseNode(folder) || isTest
      ? undefined
      : `core/ runs anywhere: '${specifier}' may not be used here`
  }
  if (specifier.startsWith('.')) {
    const target = path.posix.normalize(path.posix.join(path.posix.dirname(from), specifier))
    return folderOf(target) === folder || isTest
      ? undefined
      : `'${specifier}' leaves the folder: use the face #name`
  }
  if (specifier.startsWith('#')) {
    const face = specifier.slice(1)
    if (face === folder || isTest || IMPORT_TABLE[folder]?.includes(face)) return undefined
    return `${folder}/ may not import #${face} (import-table.ts)`
  }
  const name = specifier.startsWith('@')
    ? specifier.split('/').slice(0, 2).join('/')
    : (specifier.split('/')[0] ?? '')
  // The CLI's door to the agent and the demo's page take the package's own exports, never a path.
  if (name === 'crosscut' && (folder === 'cli' || folder === 'demo' || isTest)) return undefined
  if (isTest || PACKAGES[folder]?.includes(name) === true) return undefined
  return `${folder}/ may not depend on the package '${name}' (import-table.ts)`
}

/** A file that nobody names is dead: entries, tests and faces are named by their role. */
export function deadFiles(code: readonly SourceFile[], others: readonly SourceFile[] = []): Problem[] {
  const texts = [...code, ...others]
  return code
    .filter((file) => !ENTRY_FOLDER.test(file.path) && !ENTRY_NAME.test(file.path))
    .flatMap((file) => {
      const name = path.posix.basename(file.path)
      const bare = name.replace(/\.(ts|tsx|mjs)$/, '')
      const isNamed = texts.some(
        (other) =>
          other.path !== file.path && (other.text.includes(`/${name}`) || other.text.includes(`/${bare}.js`)),
      )
      return isNamed ? [] : [{ path: file.path, line: 1, message: 'nobody imports this file' }]
    })
}

/** Relative links lead somewhere. */
export function links(file: SourceFile, exists: (path: string) => boolean): Problem[] {
  return eachLine(file, (line) => {
    for (const [, target = ''] of line.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:|^#/.test(target)) continue
      const place = path.posix.normalize(
        path.posix.join(path.posix.dirname(file.path), target.replace(/#.*$/, '')),
      )
      if (!exists(place)) return `the link '${target}' leads nowhere`
    }
    return undefined
  })
}

/** A folder of the table has a README and a face. */
export function readmes(code: readonly SourceFile[], files: readonly SourceFile[]): Problem[] {
  const paths = new Set(files.map((file) => file.path))
  return Object.values(FOLDERS).flatMap((folder) => {
    if (!code.some((file) => file.path.startsWith(`${folder}/`))) return []
    return paths.has(`${folder}/README.md`)
      ? []
      : [{ path: folder, line: 1, message: 'the folder has no README.md' }]
  })
}

/** Nothing names a place that exists on one machine only. */
const FOREIGN = new RegExp(['/wo' + 'rk/', '/fa' + 'rm', '\\.\\./sha' + 'red/'].join('|'))

export function foreignPlaces(file: SourceFile): Problem[] {
  return eachLine(file, (line) => (FOREIGN.test(line) ? 'names a place of one machine' : undefined))
}

export function folderOf(file: string): string | undefined {
  return Object.keys(FOLDERS).find((name) => file.startsWith(`${FOLDERS[name]}/`))
}

export function importsOf(text: string): { specifier: string; line: number }[] {
  const found: { specifier: string; line: number }[] = []
  for (const match of text.matchAll(IMPORT)) {
    const specifier = match[1] ?? match[2] ?? match[3] ?? ''
    const line = text.slice(0, match.index + match[0].lastIndexOf(specifier)).split('\n').length
    found.push({ specifier, line })
  }
  return found
}

function eachLine(file: SourceFile, look: (line: string) => string | undefined): Problem[] {
  return file.text.split('\n').flatMap((line, index) => {
    const message = look(line)
    return message === undefined ? [] : [{ path: file.path, line: index + 1, message }]
  })
}
