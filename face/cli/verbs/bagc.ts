// `bagc file.bdl`: BDL to typed TypeScript. The compiler is loaded when it is needed: other verbs start
// without it.

import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { formatDiagnostic } from '#base'
import { CliError, type Verb } from '../verb.ts'

export const bagc: Verb = {
  name: 'bagc',
  summary: 'compile a bag description (BDL) to typed TypeScript',
  usage: '<file.bdl>',
  words: [1, 1],
  flags: {
    out: { value: 'FILE', short: 'o', says: 'write here instead of stdout' },
    module: { value: 'NAME', says: 'where the result imports the run time from (default crosscut/baggage)' },
  },
  examples: ['crosscut bagc tenant.bdl -o tenant.ts'],
  run: async (io, args) => {
    const file = args.words[0] ?? ''
    const code = await compile(file, readSource(path.resolve(io.cwd, file)), args.text('module'))
    const out = args.text('out')
    if (out === undefined) io.out(code)
    else writeFileSync(path.resolve(io.cwd, out), code)
    return 0
  },
}

function readSource(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    throw new CliError('E_NO_FILE', `cannot read ${file}`)
  }
}

async function compile(file: string, source: string, moduleName: string | undefined): Promise<string> {
  const { BdlError, generateTypeScript } = await import('#baggage')
  try {
    return generateTypeScript(source, {
      sourceName: path.basename(file),
      ...(moduleName === undefined ? {} : { moduleName }),
    })
  } catch (error: unknown) {
    if (!(error instanceof BdlError)) throw error
    throw new CliError('E_BDL', error.diagnostics.map((one) => `${file}:${formatDiagnostic(one)}`).join('\n'))
  }
}
