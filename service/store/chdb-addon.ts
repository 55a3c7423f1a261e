// The native addon of chDB, typed as far as it is used.
//
// The addon is required directly: the `chdb` package's own wrapper serialises every parameterised query of
// the process. Its InsertRawAsync is not used: it appends the data to the statement's text, where an empty
// line (two bytes 0a) ends it. The platform package arrives as an optional dependency of `chdb`, prebuilt.

import { createRequire } from 'node:module'

export type ChdbConnection = object
export interface ChdbAddon {
  CreateConnection(dir: string, args: readonly string[]): ChdbConnection
  CloseConnection(connection: ChdbConnection): void
  QueryAsyncConnection(
    connection: ChdbConnection,
    sql: string,
    format: string,
  ): Promise<{ bytes: Uint8Array }>
}

const PLATFORMS: { readonly [platform: string]: string } = {
  'linux-x64': '@chdb/lib-linux-x64-gnu',
  'linux-arm64': '@chdb/lib-linux-arm64-gnu',
  'darwin-x64': '@chdb/lib-darwin-x64',
  'darwin-arm64': '@chdb/lib-darwin-arm64',
}

/** Errors: throws when there is no build for this platform or it was not installed. */
export function loadChdb(): ChdbAddon {
  const name = PLATFORMS[`${process.platform}-${process.arch}`]
  if (name === undefined) throw new Error(`chDB has no build for ${process.platform}-${process.arch}`)
  const require = createRequire(createRequire(import.meta.url).resolve('chdb'))
  const addon: ChdbAddon = require(name)
  return addon
}
