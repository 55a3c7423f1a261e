// A command line against the flags of its verb. Errors name the nearest flag that exists.

import { parseArgs } from 'node:util'
import { nearest } from '#base'
import { UsageError, type Args, type Verb } from './verb.ts'

export function readArgs(verb: Verb, given: readonly string[]): Args {
  const end = given.indexOf('--')
  const rest = end === -1 ? [] : given.slice(end + 1)
  const options = Object.fromEntries(
    Object.entries(verb.flags).map(([name, { value, short, isMany = false }]) => [
      name,
      {
        type: value === undefined ? ('boolean' as const) : ('string' as const),
        multiple: isMany,
        ...(short === undefined ? {} : { short }),
      },
    ]),
  )
  const { values, positionals } = parse(verb, end === -1 ? given : given.slice(0, end), options)
  const [fewest, most] = verb.words
  if (positionals.length < fewest || positionals.length > most) {
    throw new UsageError(
      positionals.length < fewest
        ? `${verb.name} needs ${verb.usage}`
        : `${verb.name} does not take '${positionals[most] ?? ''}'`,
    )
  }
  const all = (flag: string): string[] => {
    const value = values[flag]
    return (Array.isArray(value) ? value : [value]).filter((item) => typeof item === 'string')
  }
  return {
    words: positionals,
    rest,
    all,
    has: (flag) => values[flag] === true,
    text: (flag) => all(flag)[0],
    count: (flag, max) => {
      const text = all(flag)[0]
      if (text === undefined) return undefined
      const number = Number(text)
      if (!/^\d{1,15}$/.test(text) || number > max)
        throw new UsageError(`--${flag} must be a whole number 0..${max}`)
      return number
    },
  }
}

type Options = { [name: string]: { type: 'boolean' | 'string'; multiple: boolean; short?: string } }

function parse(verb: Verb, args: readonly string[], options: Options): ReturnType<typeof parseArgs> {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true })
  } catch (error: unknown) {
    const message = error instanceof Error ? error.message : String(error)
    const unknown = /Unknown option '(-[^']*)'/.exec(message)?.[1]
    if (unknown === undefined) throw new UsageError(message.split('. ')[0] ?? message)
    const close = nearest(unknown.replace(/^-+/, ''), Object.keys(verb.flags))
    throw new UsageError(
      `${verb.name} has no flag ${unknown}${close === undefined ? '' : `; did you mean --${close}?`}`,
    )
  }
}
