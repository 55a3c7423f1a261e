// The disk of a datanode: blocks as files in its folder.

import { mkdirSync } from 'node:fs'
import { open, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export class Disk {
  readonly #folder: string
  readonly #slowMs: number

  /** `slowMs`: how much later than a healthy one it answers. */
  constructor(folder: string, slowMs: number) {
    this.#folder = folder
    this.#slowMs = slowMs
    mkdirSync(folder, { recursive: true })
  }

  async read(block: string, offset: number, bytes: number): Promise<Buffer> {
    const handle = await open(this.#fileOf(block))
    try {
      if (this.#slowMs > 0) await sleep(this.#slowMs)
      const content = Buffer.alloc(bytes)
      const { bytesRead } = await handle.read(content, 0, bytes, offset)
      return content.subarray(0, bytesRead)
    } finally {
      await handle.close()
    }
  }

  async write(block: string, content: Buffer): Promise<void> {
    await writeFile(this.#fileOf(block), content)
  }

  /** Only names of our own making reach the disk. */
  #fileOf(block: string): string {
    if (!/^blk-\d+$/.test(block)) throw new Error(`not a block id: ${block}`)
    return path.join(this.#folder, block)
  }
}
