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

function fits(pattern: string, name: string): boolean {
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
        isOn = reach[j] || (isOn && (isDeep || name[j - 1] !== '/'))
        next[j] = isOn
      }
    }
    reach = next
  }
  return reach[name.length]
}
