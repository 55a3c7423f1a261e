// The real disk: node:fs behind the port.
//
// The lock is the one an SQLite file takes (an exclusive fcntl lock): the kernel drops it when its process
// dies, however it dies, so there is no stale lock to guess about by pid. The file itself stays empty.

import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { mkdir, open, readdir, rename, unlink } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import type { Disk, DiskFile, DiskLock } from './disk.ts'

/** Pieces in one writev; Linux allows 1024. */
const PIECES_PER_WRITE = 512

class NodeFile implements DiskFile {
  readonly #handle: FileHandle

  constructor(handle: FileHandle) {
    this.#handle = handle
  }

  async write(pieces: readonly Uint8Array[], position: number): Promise<void> {
    for (let index = 0; index < pieces.length; index += PIECES_PER_WRITE) {
      position = await this.#writeFully(pieces.slice(index, index + PIECES_PER_WRITE), position)
    }
  }

  async sync(): Promise<void> {
    await this.#handle.datasync()
  }

  async truncate(bytes: number): Promise<void> {
    await this.#handle.truncate(bytes)
  }

  async close(): Promise<void> {
    await this.#handle.close()
  }

  /**
   * writev may write less than asked, near a full disk for example: the next call then says why. Returns the
   * end.
   */
  async #writeFully(pieces: Uint8Array[], position: number): Promise<number> {
    while (pieces.length > 0) {
      let { bytesWritten } = await this.#handle.writev(pieces, position)
      position += bytesWritten
      while (pieces.length > 0 && bytesWritten >= pieces[0]!.length) bytesWritten -= pieces.shift()!.length
      if (pieces.length > 0) pieces[0] = pieces[0]!.subarray(bytesWritten)
    }
    return position
  }
}

async function readAll(path: string): Promise<Uint8Array> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    const { size } = await handle.stat()
    const bytes = new Uint8Array(size)
    let at = 0
    while (at < size) {
      const { bytesRead } = await handle.read(bytes, at, size - at, at)
      if (bytesRead === 0) break
      at += bytesRead
    }
    return bytes.subarray(0, at)
  } finally {
    await handle.close()
  }
}

async function syncDir(dir: string): Promise<void> {
  const handle = await open(dir, constants.O_RDONLY)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Only "busy" says that somebody holds it: a damaged file or a missing right is another trouble. */
async function lock(path: string): Promise<DiskLock | undefined> {
  const SQLITE_BUSY = 5
  const database = new DatabaseSync(path)
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
  } catch (error: unknown) {
    database.close()
    if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY) return undefined
    throw error
  }
  return { release: async () => database.close() }
}

/** Files are readable by their owner only: spans hold what users did. */
export const nodeDisk: Disk = {
  makeDir: async (dir) => void (await mkdir(dir, { recursive: true, mode: 0o700 })),
  list: (dir) => readdir(dir),
  create: async (path) =>
    new NodeFile(await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600)),
  open: async (path) => new NodeFile(await open(path, constants.O_WRONLY | constants.O_NOFOLLOW)),
  readAll,
  remove: (path) => unlink(path),
  rename: (from, to) => rename(from, to),
  syncDir,
  lock,
}
