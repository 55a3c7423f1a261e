// What a verb is. Help, completion, docs/reference/cli.md and argument checking all come from this one
// description.

export type Io = {
  /** Data. */
  readonly out: (text: string) => void
  /** Messages. */
  readonly say: (text: string) => void
  readonly env: { readonly [name: string]: string | undefined }
  readonly cwd: string
  /** Columns of the terminal that reads stdout; undefined = it is piped. */
  readonly columns: number | undefined
  readonly isColoured: boolean
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal
}

export type Flag = {
  /** Without it the flag is a switch. */
  readonly value?: string
  readonly short?: string
  readonly isMany?: boolean
  readonly says: string
}

export type Args = {
  readonly words: readonly string[]
  /** Everything after `--`. */
  readonly rest: readonly string[]
  text(flag: string): string | undefined
  all(flag: string): readonly string[]
  has(flag: string): boolean
  /** Errors: usage, unless a whole number 0..max. */
  count(flag: string, max: number): number | undefined
}

export type Verb = {
  readonly name: string
  readonly summary: string
  /** Words after the verb, as shown: `<id>`. */
  readonly usage: string
  readonly flags: { readonly [name: string]: Flag }
  readonly examples: readonly string[]
  /** Fewest and most words; after `--` is not counted. */
  readonly words: readonly [number, number]
  /** 0 ok, 1 failed. */
  readonly run: (io: Io, args: Args) => Promise<number>
}

/** The command line is wrong: exit 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** It was understood and failed: exit 1. The code is stable, the hint says what to do. */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly code: string
  readonly hint: string | undefined
  constructor(code: string, message: string, hint?: string) {
    super(message)
    this.code = code
    this.hint = hint
  }
}

export const CLIENT_FLAGS = {
  server: { value: 'URL', says: 'the server (default: CROSSCUT_SERVER, else what DIR/server.json says)' },
  data: {
    value: 'DIR',
    says: 'data folder of a local server (default: CROSSCUT_DATA, else the nearest .crosscut)',
  },
  'token-file': {
    value: 'FILE',
    says: 'file with the token (default: CROSSCUT_TOKEN, else DIR/admin-token)',
  },
  json: { says: 'one JSON object, stable; a line each for lists' },
} as const satisfies { readonly [name: string]: Flag }
