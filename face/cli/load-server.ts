// The package crosscut-server, for the verbs that run a part of it here: `up`, and `features check` of a
// TypeScript file. All others ask a server that runs.

import { CliError } from './verb.ts'

/** zstd, node:sqlite and stable type stripping. */
const SERVER_NODE_MAJOR_MIN = 24

type Server = typeof import('#server')

/** Errors: E_NODE_TOO_OLD; E_NO_SERVER when the package crosscut-server is not installed. */
export async function loadServer(): Promise<Server> {
  if (Number(process.versions.node.split('.')[0]) < SERVER_NODE_MAJOR_MIN) {
    const hint = `run it with Node ${SERVER_NODE_MAJOR_MIN} or newer; programs it traces may be older`
    throw new CliError('E_NODE_TOO_OLD', `the server does not run on Node ${process.version}`, hint)
  }
  try {
    return await import('#server')
  } catch (cause: unknown) {
    const isMissing =
      cause instanceof Error &&
      'code' in cause &&
      (cause.code === 'ERR_MODULE_NOT_FOUND' || cause.code === 'ERR_PACKAGE_IMPORT_NOT_DEFINED') &&
      /crosscut-server|#server/.test(cause.message)
    if (!isMissing) throw cause
    throw new CliError(
      'E_NO_SERVER',
      'the server is not installed',
      'install it with: npm install crosscut-server',
    )
  }
}
