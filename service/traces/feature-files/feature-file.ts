// A feature file by its name in the operator's folder: read, and asked what it has. A name is that of a file
// in the folder itself, so no text of a user's leads anywhere else; links are not followed.

import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { serialize } from 'node:v8'
import type { FeatureColumn, RowPer, Trace } from '#model'
import { FeatureFileError } from './file-values.ts'
import { FEATURE_FILE_BYTES_MAX } from './limits.ts'
import type { FileOutcome } from './messages.ts'
import { FileHost } from './file-host.ts'

const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}\.ts$/

export const isFeatureFileName = (name: string): boolean => NAME.test(name)

/** Its text. Errors: FeatureFileError. */
export function readFeatureFile(folder: string, name: string): string {
  if (!isFeatureFileName(name))
    throw new FeatureFileError(
      `${quoted(name)} is no name of a feature file: a-z, 0-9, _ - . and .ts at the end`,
    )
  let file: number
  try {
    file = openSync(path.join(folder, name), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch {
    throw new FeatureFileError(
      `there is no feature file ${name} in the server's folder ${path.basename(folder)}/`,
    )
  }
  try {
    const stat = fstatSync(file)
    if (!stat.isFile()) throw new FeatureFileError(`${name} is no file`)
    if (stat.size > FEATURE_FILE_BYTES_MAX)
      throw new FeatureFileError(`${name} has ${stat.size} bytes; it may have ${FEATURE_FILE_BYTES_MAX}`)
    return readFileSync(file, 'utf8')
  } finally {
    closeSync(file)
  }
}

type Source = { readonly name: string; readonly source: string; readonly rowPer: RowPer }

/** Which columns it has; with a trace, what it makes of it. Errors: FeatureFileError. */
export async function askFeatureFile(
  { name, source, rowPer }: Source,
  trace?: Trace,
): Promise<Extract<FileOutcome, { readonly kind: 'rows' }>> {
  const host = new FileHost()
  try {
    const programs = [{ key: name, name, source, rowPer }]
    const { outcomes, ended } = await host.run(programs, trace === undefined ? undefined : serialize(trace))
    const [outcome] = outcomes
    if (outcome?.kind === 'rows') return outcome
    throw new FeatureFileError(outcome?.message ?? `${name} ${ended?.message ?? 'could not be run'}`)
  } finally {
    host.end()
  }
}

/** Errors: FeatureFileError. */
export async function columnsOfFile(source: Source): Promise<readonly FeatureColumn[]> {
  return (await askFeatureFile(source)).columns
}

const quoted = (name: string): string => `'${name.slice(0, 80)}'`
