// Troubles of the disk, of rights and of addresses, as Node tells them, in words an operator can act on.
//
//   at start     ENOSPC -> E_DATA_FULL, EACCES -> E_DATA_ACCESS, other -> E_DATA_DAMAGED; listen -> E_CONFIG
//   in a request ENOSPC, EIO, ... -> 503 E_DATA_FULL: nothing was changed, try again when there is space

import { RequestError, ServerError, type ServerErrorCode } from './server-error.ts'

const FULL = new Set(['ENOSPC', 'EDQUOT'])
const DENIED = new Set(['EACCES', 'EPERM', 'EROFS'])
/** What a disk answers to a write that was right. */
const FAILED_WRITES = new Set([...FULL, ...DENIED, 'EIO'])
/** What a folder that is not as we left it answers. */
const DAMAGED = new Set(['EEXIST', 'ENOTDIR', 'EISDIR', 'ELOOP', 'ENOENT', 'EIO'])
const NO_SUCH_ADDRESS = new Set([
  'EADDRNOTAVAIL',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EAFNOSUPPORT',
  'EACCES',
  'EINVAL',
])

/** Why the server cannot start on this folder; what is no trouble of these is given back as it is. */
export function startTrouble(dir: string, error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return error
  const told = explanation(dir, error.code, error.message)
  return told === undefined ? error : new ServerError(told.code, told.message, { cause: error })
}

type Told = { readonly code: ServerErrorCode; readonly message: string }

function explanation(dir: string, code: string, why: string): Told | undefined {
  if (/^(Error: )?(listen|getaddrinfo|bind)\b/.test(why) && NO_SUCH_ADDRESS.has(code))
    return {
      code: 'E_CONFIG',
      message: `${why}; --host must be an address of this machine, the port allowed`,
    }
  const isLock = code === 'ERR_SQLITE_ERROR'
  if (FULL.has(code) || (isLock && /disk is full/.test(why))) {
    const message = `the disk of ${dir} is full; free some space, or give --data another folder`
    return { code: 'E_DATA_FULL', message }
  }
  // On a read-only file system Node's recursive mkdir says ENOENT, or EROFS.
  if (DENIED.has(code) || (code === 'ENOENT' && /\bmkdir\b/.test(why))) {
    const message = `${dir} may not be written: ${why}; change its owner, or give --data another folder`
    return { code: 'E_DATA_ACCESS', message }
  }
  if (isLock) {
    const message = `${dir}/lock cannot be locked: ${why}; remove it if no server runs there`
    return { code: 'E_DATA_DAMAGED', message }
  }
  if (!DAMAGED.has(code)) return undefined
  const message = `${dir} is not as a server left it: ${why}; move away what is in the way`
  return { code: 'E_DATA_DAMAGED', message }
}

/** The answer to a change that could not be written; undefined = another error. */
export function writeTrouble(error: unknown): RequestError | undefined {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (!FAILED_WRITES.has(code)) return undefined
  const message = `the data folder cannot be written (${code}); nothing was changed`
  return new RequestError(503, 'E_DATA_FULL', message, 'free some space on its disk, then try again')
}
