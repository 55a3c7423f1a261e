// The keys of recent records: how a retried request is recognised, also after a restart.
//
//   in memory   two generations of keys; when the newer is full, the older goes
//   on disk     keys of live segments stand in their record headers; keys of dropped segments in keys.new and
//   keys.old:
//               chunks of [magic u32][count u32][crc u32][zero u32][count x 16 bytes], appended and synced
//               before the file goes
//
// Policy when full: dropOldest. A retry older than two generations is stored again; the assembler then still
// deduplicates by (trace id, span id).

import { crc32 } from 'node:zlib'
import type { Disk, DiskFile } from './disk.ts'
import { KEY_BYTES } from './segment-format.ts'

const CHUNK_MAGIC = 0x59454b43 // 'CKEY'
const CHUNK_HEADER_BYTES = 16

type WindowFolder = { readonly disk: Disk; readonly dir: string; readonly keysPerGeneration: number }

export class KeyWindow {
  readonly #folder: WindowFolder
  #newer = new Set<string>()
  #older = new Set<string>()
  #file: DiskFile | undefined
  #fileBytes = 0
  #fileKeys = 0

  private constructor(folder: WindowFolder) {
    this.#folder = folder
  }

  /** A key as a map key: one char a byte. */
  static textOf(key: Uint8Array): string {
    return String.fromCharCode(...key)
  }

  /**
   * Reads both files; what is damaged ends that file: forgotten keys cost a second copy of a batch, never a
   * lost one.
   */
  static async load(folder: WindowFolder): Promise<KeyWindow> {
    const window = new KeyWindow(folder)
    for (const name of ['keys.old', 'keys.new']) {
      const bytes = await folder.disk.readAll(`${folder.dir}/${name}`).catch(() => new Uint8Array(0))
      const { keys, intactBytes } = decodeChunks(bytes)
      for (const key of keys) window.remember(key)
      window.#fileBytes = intactBytes
      window.#fileKeys = keys.length
    }
    return window
  }

  has(keyText: string): boolean {
    return this.#newer.has(keyText) || this.#older.has(keyText)
  }

  remember(key: Uint8Array): void {
    if (this.#newer.size >= this.#folder.keysPerGeneration) {
      this.#older = this.#newer
      this.#newer = new Set()
    }
    this.#newer.add(KeyWindow.textOf(key))
  }

  /** Makes the keys of a segment durable apart from it. Errors: the disk's; then the segment must stay. */
  async persist(keys: readonly Uint8Array[]): Promise<void> {
    if (keys.length === 0) return
    if (this.#fileKeys >= this.#folder.keysPerGeneration) await this.#rotate()
    this.#file ??= await this.#openFile()
    const chunk = encodeChunk(keys)
    await this.#file.write([chunk], this.#fileBytes)
    await this.#file.sync()
    this.#fileBytes += chunk.length
    this.#fileKeys += keys.length
  }

  async close(): Promise<void> {
    await this.#file?.close()
    this.#file = undefined
  }

  async #openFile(): Promise<DiskFile> {
    const { disk, dir } = this.#folder
    const path = `${dir}/keys.new`
    if (this.#fileBytes > 0) return disk.open(path)
    const file = await disk.create(path).catch(async (error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return disk.open(path)
      throw error
    })
    await disk.syncDir(dir)
    return file
  }

  async #rotate(): Promise<void> {
    const { disk, dir } = this.#folder
    await this.close()
    await disk.rename(`${dir}/keys.new`, `${dir}/keys.old`)
    this.#fileBytes = 0
    this.#fileKeys = 0
  }
}

function encodeChunk(keys: readonly Uint8Array[]): Uint8Array {
  const chunk = new Uint8Array(CHUNK_HEADER_BYTES + keys.length * KEY_BYTES)
  keys.forEach((key, index) => chunk.set(key, CHUNK_HEADER_BYTES + index * KEY_BYTES))
  const view = new DataView(chunk.buffer)
  view.setUint32(0, CHUNK_MAGIC, true)
  view.setUint32(4, keys.length, true)
  view.setUint32(8, crc32(chunk.subarray(CHUNK_HEADER_BYTES)), true)
  return chunk
}

function decodeChunks(bytes: Uint8Array): { keys: Uint8Array[]; intactBytes: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const keys: Uint8Array[] = []
  let at = 0
  while (at + CHUNK_HEADER_BYTES <= bytes.length && view.getUint32(at, true) === CHUNK_MAGIC) {
    const end = at + CHUNK_HEADER_BYTES + view.getUint32(at + 4, true) * KEY_BYTES
    if (end > bytes.length) break
    if (crc32(bytes.subarray(at + CHUNK_HEADER_BYTES, end)) !== view.getUint32(at + 8, true)) break
    for (let from = at + CHUNK_HEADER_BYTES; from < end; from += KEY_BYTES)
      keys.push(bytes.slice(from, from + KEY_BYTES))
    at = end
  }
  return { keys, intactBytes: at }
}
