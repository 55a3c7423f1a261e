// The disk as a port: what the log needs of a file system, and no more.
//
//   node-disk.ts        the real one
//   simulated-disk.ts   drops, tears and refuses by seed
//
// Contract: after sync() resolves, the bytes written before it survive a power loss once
// syncDir() of the folder has resolved after create(). Before that anything may be kept, lost or torn at
// sectors of 512 bytes. Errors carry the code of the operating system: ENOENT, EEXIST, ENOSPC, EIO, ...

export interface DiskFile {
  /** Writes the pieces one after another from `position`. The pieces must not change until it resolves. */
  write(pieces: readonly Uint8Array[], position: number): Promise<void>
  /** fdatasync. */
  sync(): Promise<void>
  truncate(bytes: number): Promise<void>
  close(): Promise<void>
}

export interface DiskLock {
  release(): Promise<void>
}

export interface Disk {
  makeDir(dir: string): Promise<void>
  /** Names in the folder, unsorted. */
  list(dir: string): Promise<string[]>
  /** A new empty file for writing; EEXIST if there is one. Never follows a symbolic link. */
  create(path: string): Promise<DiskFile>
  /** An existing file for writing. Never follows a symbolic link (ELOOP). */
  open(path: string): Promise<DiskFile>
  /**
   * The whole file, in memory aligned to 8 bytes that the caller owns. Never follows a symbolic link (ELOOP).
   */
  readAll(path: string): Promise<Uint8Array>
  remove(path: string): Promise<void>
  rename(from: string, to: string): Promise<void>
  /** Makes creations, renames and removals in the folder durable. */
  syncDir(dir: string): Promise<void>
  /** undefined = somebody else holds it. It dies with its process, so a lock can not be left behind. */
  lock(path: string): Promise<DiskLock | undefined>
}
