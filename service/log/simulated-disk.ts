// A disk in memory that behaves as badly as the contract of disk.ts allows, by seed.
//
//   write()  -> content (the page cache)      + pending change
//   sync()   -> pending changes reach `durable`; or EIO: some do, and the rest is forgotten for ever
//   (fsyncgate) crash()  -> of what is pending, each sector of 512 bytes survives or not; of unsynced folder
//   changes, a prefix does
//
// Every operation first waits on the `wait` port, so that a simulation can crash between any two. After
// crash() the operations of the life before never settle: their callers died. Source: "All File Systems Are
// Not Created Equal", OSDI'14; ATC'20 (see README).

import type { Random } from '#base'
import type { Disk, DiskFile, DiskLock } from './disk.ts'

const SECTOR_BYTES = 512

export type SimulatedFaults = {
  /** All files together; beyond it ENOSPC. */
  readonly capacityBytes: number
  /** Chances of 1000 that an operation fails with EIO. */
  readonly writeErrors: number
  readonly syncErrors: number
}

export const NO_FAULTS: SimulatedFaults = {
  capacityBytes: Number.MAX_SAFE_INTEGER,
  writeErrors: 0,
  syncErrors: 0,
}

type Change =
  | { readonly kind: 'write'; readonly position: number; readonly bytes: Uint8Array }
  | { readonly kind: 'cut'; readonly bytes: number }
type Inode = { content: Uint8Array; durable: Uint8Array; pending: Change[] }
type FolderChange = (names: Map<string, Inode>) => void

function diskError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code })
}

export class SimulatedDisk implements Disk {
  faults: SimulatedFaults = NO_FAULTS
  readonly #random: Random
  readonly #wait: () => Promise<void>
  #names = new Map<string, Inode>()
  #durableNames = new Map<string, Inode>()
  #folderChanges: FolderChange[] = []
  #locks = new Set<string>()
  #life = 0

  constructor(ports: { readonly random: Random; readonly wait: () => Promise<void> }) {
    this.#random = ports.random
    this.#wait = ports.wait
  }

  /** Power loss. What comes after is a new life on what survived. */
  crash(): void {
    this.#life++
    this.#locks = new Set()
    const kept = this.#random.uint32() % (this.#folderChanges.length + 1)
    for (const change of this.#folderChanges.slice(0, kept)) change(this.#durableNames)
    this.#folderChanges = []
    this.#names = new Map(this.#durableNames)
    for (const inode of this.#names.values()) this.#tear(inode)
  }

  /** kill -9: the page cache survives, the process does not. */
  kill(): void {
    this.#life++
    this.#locks = new Set()
  }

  /** Changes bytes behind everybody's back: a flipped bit, a cut file. */
  damage(path: string, change: (bytes: Uint8Array) => Uint8Array): void {
    const inode = this.#inode(path)
    inode.content = change(inode.content.slice())
    inode.durable = inode.content.slice()
    inode.pending = []
  }

  paths(): string[] {
    return [...this.#names.keys()].sort()
  }

  usedBytes(): number {
    return [...this.#names.values()].reduce((sum, { content }) => sum + content.length, 0)
  }

  makeDir(): Promise<void> {
    return this.#step(() => {})
  }

  list(dir: string): Promise<string[]> {
    return this.#step(() =>
      [...this.#names.keys()]
        .filter((path) => path.startsWith(`${dir}/`))
        .map((path) => path.slice(dir.length + 1)),
    )
  }

  create(path: string): Promise<DiskFile> {
    return this.#step(() => {
      if (this.#names.has(path)) throw diskError('EEXIST', path)
      if (this.usedBytes() >= this.faults.capacityBytes) throw diskError('ENOSPC', path)
      const inode: Inode = { content: new Uint8Array(0), durable: new Uint8Array(0), pending: [] }
      this.#changeFolder((names) => names.set(path, inode))
      return this.#file(path, inode)
    })
  }

  open(path: string): Promise<DiskFile> {
    return this.#step(() => this.#file(path, this.#inode(path)))
  }

  readAll(path: string): Promise<Uint8Array> {
    return this.#step(() => this.#inode(path).content.slice())
  }

  remove(path: string): Promise<void> {
    return this.#step(() => {
      this.#inode(path)
      this.#changeFolder((names) => names.delete(path))
    })
  }

  rename(from: string, to: string): Promise<void> {
    return this.#step(() => {
      const inode = this.#inode(from)
      this.#changeFolder((names) => {
        names.delete(from)
        names.set(to, inode)
      })
    })
  }

  syncDir(dir: string): Promise<void> {
    return this.#step(() => {
      this.#failBy(this.faults.syncErrors, dir)
      for (const change of this.#folderChanges) change(this.#durableNames)
      this.#folderChanges = []
    })
  }

  lock(path: string): Promise<DiskLock | undefined> {
    return this.#step(() => {
      if (this.#locks.has(path)) return undefined
      this.#locks.add(path)
      return { release: async () => void this.#locks.delete(path) }
    })
  }

  async #step<T>(operation: () => T): Promise<T> {
    const life = this.#life
    await this.#wait()
    if (life !== this.#life) return new Promise(() => {})
    return operation()
  }

  #inode(path: string): Inode {
    const inode = this.#names.get(path)
    if (inode === undefined) throw diskError('ENOENT', path)
    return inode
  }

  #changeFolder(change: FolderChange): void {
    change(this.#names)
    this.#folderChanges.push(change)
  }

  #failBy(chancesOf1000: number, path: string): void {
    if (this.#random.uint32() % 1000 < chancesOf1000) throw diskError('EIO', path)
  }

  #file(path: string, inode: Inode): DiskFile {
    return {
      write: (pieces, position) => this.#step(() => this.#write(path, inode, pieces, position)),
      sync: () => this.#step(() => this.#sync(path, inode)),
      truncate: (bytes) =>
        this.#step(() => {
          this.#failBy(this.faults.writeErrors, path)
          this.#change(inode, { kind: 'cut', bytes })
        }),
      close: () => this.#step(() => {}),
    }
  }

  /** A write that fails may have written a part: pieces before the one that failed are there. */
  #write(path: string, inode: Inode, pieces: readonly Uint8Array[], position: number): void {
    let at = position
    for (const piece of pieces) {
      const growth = Math.max(0, at + piece.length - inode.content.length)
      if (this.usedBytes() + growth > this.faults.capacityBytes) throw diskError('ENOSPC', path)
      this.#failBy(this.faults.writeErrors, path)
      this.#change(inode, { kind: 'write', position: at, bytes: piece.slice() })
      at += piece.length
    }
  }

  #change(inode: Inode, change: Change): void {
    inode.pending.push(change)
    inode.content = applied(inode.content, change)
  }

  #sync(path: string, inode: Inode): void {
    if (this.#random.uint32() % 1000 < this.faults.syncErrors) {
      const content = inode.content
      this.#tear(inode)
      inode.content = content
      throw diskError('EIO', path)
    }
    for (const change of inode.pending) inode.durable = applied(inode.durable, change)
    inode.pending = []
  }

  /** Some sectors of what is pending reach the disk; the rest never will. */
  #tear(inode: Inode): void {
    for (const change of inode.pending) {
      if (change.kind === 'cut') {
        if (this.#isKept()) inode.durable = applied(inode.durable, change)
        continue
      }
      for (const part of sectorsOf(change)) if (this.#isKept()) inode.durable = applied(inode.durable, part)
    }
    inode.pending = []
    inode.content = inode.durable.slice()
  }

  #isKept(): boolean {
    return this.#random.uint32() % 2 === 0
  }
}

function applied(bytes: Uint8Array, change: Change): Uint8Array {
  if (change.kind === 'cut') {
    const cut = new Uint8Array(change.bytes)
    cut.set(bytes.subarray(0, change.bytes))
    return cut
  }
  const end = change.position + change.bytes.length
  const result = end > bytes.length ? new Uint8Array(end) : bytes.slice()
  if (end > bytes.length) result.set(bytes)
  result.set(change.bytes, change.position)
  return result
}

function sectorsOf(change: { readonly position: number; readonly bytes: Uint8Array }): Change[] {
  const parts: Change[] = []
  for (let at = 0; at < change.bytes.length;) {
    const position = change.position + at
    const end = Math.min(change.bytes.length, at + SECTOR_BYTES - (position % SECTOR_BYTES))
    parts.push({ kind: 'write', position, bytes: change.bytes.subarray(at, end) })
    at = end
  }
  return parts
}
