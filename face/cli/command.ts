// One command line to one exit code. Everything it touches is in Io, so tests need no process.

import { nearest } from '#base'
import { readArgs } from './args.ts'
import { helpOf, overview } from './help.ts'
import { asTyped, findInstall } from './install.ts'
import { plain } from './text.ts'
import { CliError, UsageError, type Io } from './verb.ts'
import { VERBS } from './verbs.ts'

const OK = 0
const FAILED = 1
const WRONG_USAGE = 2

/** 0 ok, 1 failed, 2 wrong usage. Unexpected errors are thrown: they are ours. */
export async function command(io: Io, argv: readonly string[]): Promise<number> {
  const [word = 'help', ...rest] = argv
  if (word === '--version' || word === '-v') return print(io, `${findInstall().version}\n`)
  if (word === 'help' || word === '--help' || word === '-h') return help(io, rest[0])
  const verb = VERBS.find(({ name }) => name === word)
  if (verb === undefined) return unknownVerb(io, word)
  const own = rest.includes('--') ? rest.slice(0, rest.indexOf('--')) : rest
  if (own.includes('--help') || own.includes('-h')) return print(io, helpOf(verb))
  try {
    return await verb.run(io, readArgs(verb, rest))
  } catch (error: unknown) {
    return explain(io, error, verb.name)
  }
}

function explain(io: Io, error: unknown, verb: string): number {
  if (error instanceof UsageError) {
    io.say(`crosscut: ${plain(error.message)}\n  ${asTyped()} ${verb} --help shows how\n`)
    return WRONG_USAGE
  }
  if (io.signal.aborted) return FAILED
  const code =
    error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
  if (!(error instanceof Error) || code === undefined || !code.startsWith('E_')) throw error
  const hint = error instanceof CliError && error.hint !== undefined ? `\n  ${plain(error.hint)}` : ''
  io.say(`crosscut: ${error.message.split('\n').map(plain).join('\n')} (${code})${hint}\n`)
  return FAILED
}

function help(io: Io, name: string | undefined): number {
  const verb = VERBS.find((candidate) => candidate.name === name)
  if (name !== undefined && verb === undefined) return unknownVerb(io, name)
  return print(io, verb === undefined ? overview(findInstall().version) : helpOf(verb))
}

function unknownVerb(io: Io, word: string): number {
  const close = nearest(
    word,
    VERBS.map(({ name }) => name),
  )
  const guess = close === undefined ? '' : `; did you mean ${close}?`
  io.say(`crosscut: there is no verb '${plain(word)}'${guess}\n  ${asTyped()} help lists them\n`)
  return WRONG_USAGE
}

function print(io: Io, text: string): number {
  io.out(text)
  return OK
}
