// Names of tracepoints: what may stand in one, and which pattern fits which name.
//
//   http.server.request.start    datanode.ts:DataNode.readBlock    datanode.ts:readBlock@return
//   *.ts:*.readBlock             channel:undici:request:create     shelf/**:handle@42
//
// `@entry` (what goes without saying), `@return`, `@throw`, `@exit`, `@LINE` say where in a function. In a
// pattern `*` stands for any run without `/`, `**` for any run; a comma separates alternatives.

const NAME_CHARACTER = /[A-Za-z0-9_$.:*/<>@#~-]/

/** End of the name that begins at `start`; a trailing `.` or an arrow does not belong to it. */
export function tracepointAt(text: string, start: number): number {
  let end = start
  while (end < text.length && NAME_CHARACTER.test(text[end]) && !text.startsWith('->', end)) end++
  while (end > start && text[end - 1] === '.') end--
  return end
}

export const isPattern = (name: string): boolean => name.includes('*') || name.includes(',')

/** Where in a function; a line is where its statement begins. */
export type Place = { readonly of: string; readonly place: string }

const PLACE = /@(entry|return|throw|exit|[1-9][0-9]{0,6})$/
const ENTRY = 'entry'

/** `a.ts:f@return` is place `return` of `a.ts:f`; what goes without saying is `entry`. */
export function placeOf(name: string): Place {
  const place = PLACE.exec(name)?.[1]
  return place === undefined ? { of: name, place: ENTRY } : { of: name.slice(0, -place.length - 1), place }
}

/** A function, `file:path`. */
export const isCode = (name: string): boolean => name.includes(':') && !name.startsWith('channel:')

/**
 * A file may be named by the end of its path: `store.ts:get` fits `src/store.ts:get`. Linear in pattern x
 * name; no regular expression is made of what a user wrote.
 */
export function matchesTracepoint(pattern: string, name: string): boolean {
  if (pattern.includes(',')) return pattern.split(',').some((one) => matchesTracepoint(one, name))
  const wanted = placeOf(pattern)
  const given = placeOf(name)
  if (!isAt(given.place, wanted.place)) return false
  if (fits(wanted.of, given.of)) return true
  return isCode(wanted.of) && given.of.includes('/') && fits(`**/${wanted.of}`, given.of)
}

/** A function is left by returning or by throwing. */
const isAt = (place: string, wanted: string): boolean =>
  place === wanted || (wanted === 'exit' && (place === 'return' || place === 'throw'))

/**
 * Whether every name that `wanted` can stand for is one of `grant`, wherever in a function; each may be a
 * list of alternatives. Never true where it is not so, and false where it cannot be shown: `**` lies inside
 * `**` only. A grant with a folder or a file in it may be the end of a path, as `matchesTracepoint` has it
 * of functions; it names no place in a function.
 */
export function coversTracepoint(grant: string, wanted: string): boolean {
  const globs = grant.split(',')
  return wanted.split(',').every((one) => globs.some((glob) => covers(glob, placeOf(one).of)))
}

function covers(glob: string, wanted: string): boolean {
  if (glob.includes(DEEP)) return false
  const meant = endsOf(wanted, isCode(wanted))
  const granted = endsOf(glob, isCode(glob) || glob.includes('/'))
  return meant.every((one) => granted.some((wide) => fits(wide, one.replaceAll('**', DEEP), BORDERS)))
}

/** Stands for `**` in a pattern that is looked at as if it were a name: no `*` of a grant takes it in. */
const DEEP = '\0'
const BORDERS = `/${DEEP}`

const endsOf = (name: string, isPath: boolean): readonly string[] => (isPath ? [name, `**/${name}`] : [name])

function fits(pattern: string, name: string, borders = '/'): boolean {
  const star = pattern.lastIndexOf('*')
  if (star < 0) return pattern === name
  if (!name.endsWith(pattern.slice(star + 1))) return false
  // reach[j]: the pattern so far can stand for name[0, j).
  let reach = new Array<boolean>(name.length + 1).fill(false)
  reach[0] = true
  for (let i = 0; i < pattern.length; i++) {
    const next = new Array<boolean>(name.length + 1).fill(false)
    if (pattern[i] !== '*') {
      for (let j = 0; j < name.length; j++) if (reach[j] && pattern[i] === name[j]) next[j + 1] = true
    } else {
      const isDeep = pattern[i + 1] === '*'
      if (isDeep) i++
      for (let j = 0, isOn = false; j <= name.length; j++) {
        isOn = reach[j] || (isOn && (isDeep || !borders.includes(name[j - 1])))
        next[j] = isOn
      }
    }
    reach = next
  }
  return reach[name.length]
}
