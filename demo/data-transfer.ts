// What a datanode does for those who call it: read a part of a block; store one, and forward it to the rest
// of the pipeline at once. A write is acked when both are done: an ack means every replica has the block.

import type { DataNodeMetrics } from './datanode-metrics.ts'
import type { Disk } from './disk.ts'
import { putBytes } from './http.ts'

export type BlockRange = { readonly block: string; readonly offset: number; readonly bytes: number }

export class DataTransferProtocol {
  readonly #disk: Disk
  readonly #metrics: DataNodeMetrics

  constructor(disk: Disk, metrics: DataNodeMetrics) {
    this.#disk = disk
    this.#metrics = metrics
  }

  async readBlock({ block, offset, bytes }: BlockRange, rid: string): Promise<Buffer> {
    const content = await this.#disk.read(block, offset, bytes)
    this.#metrics.incrBytesRead(content.length, rid)
    return content
  }

  /** `pipeline`: URLs of the datanodes behind this one. */
  async writeBlock(block: string, content: Buffer, pipeline: readonly string[], rid: string): Promise<void> {
    await Promise.all([this.#disk.write(block, content), forward(block, content, pipeline, rid)])
  }
}

async function forward(
  block: string,
  content: Buffer,
  [next, ...rest]: readonly string[],
  rid: string,
): Promise<void> {
  if (next === undefined) return
  const query = new URLSearchParams({ pipeline: rest.join(','), rid })
  await putBytes(`${next}/blocks/${block}?${query}`, content)
}
