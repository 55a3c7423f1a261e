// How a program reads and writes files of shelf: ask the namenode where the blocks are, then talk to
// datanodes.
//
//   read:   namenode /blocks -> for each block the first replica that answers
//   write:  namenode /allocate -> PUT to the first replica, which forwards to the second, and so on

import { callJson, getBytes, putBytes } from './http.ts'
import type { BlockLocation } from './namespace.ts'

export type ShelfClient = {
  read(name: string, range: { offset: number; bytes: number }, rid: string): Promise<Buffer>
  write(name: string, content: Buffer, rid: string): Promise<void>
  locate(name: string, rid: string): Promise<BlockLocation[]>
}

type Options = { readonly namenodeUrl: string; readonly host: string; readonly blockBytes: number }

export function createShelfClient(options: Options): ShelfClient {
  const { namenodeUrl, host, blockBytes } = options

  async function locate(name: string, rid: string): Promise<BlockLocation[]> {
    const query = new URLSearchParams({ name, client: host, rid })
    return await callJson<BlockLocation[]>(`${namenodeUrl}/blocks?${query}`)
  }

  async function read(name: string, range: { offset: number; bytes: number }, rid: string): Promise<Buffer> {
    const parts: Promise<Buffer>[] = []
    let begin = 0
    for (const block of await locate(name, rid)) {
      const from = Math.max(range.offset, begin)
      const to = Math.min(range.offset + range.bytes, begin + block.bytes)
      if (from < to) parts.push(readBlock(block, { offset: from - begin, bytes: to - from }, rid))
      begin += block.bytes
    }
    return Buffer.concat(await Promise.all(parts))
  }

  async function write(name: string, content: Buffer, rid: string): Promise<void> {
    for (let offset = 0; offset < content.length; offset += blockBytes) {
      const part = content.subarray(offset, offset + blockBytes)
      const query = new URLSearchParams({ name, bytes: String(part.length), rid })
      const block = await callJson<BlockLocation>(`${namenodeUrl}/allocate?${query}`, { method: 'POST' })
      const [first, ...rest] = block.replicas
      if (first === undefined) throw new Error('no datanode is registered')
      const pipeline = rest.map((replica) => replica.url).join(',')
      await putBytes(`${first.url}/blocks/${block.id}?${new URLSearchParams({ pipeline, rid })}`, part)
    }
  }

  return { read, write, locate }
}

/** Tries the replicas in the order in which the namenode gave them. */
async function readBlock(
  block: BlockLocation,
  range: { offset: number; bytes: number },
  rid: string,
): Promise<Buffer> {
  const query = new URLSearchParams({ offset: String(range.offset), bytes: String(range.bytes), rid })
  let failure: unknown
  for (const replica of block.replicas) {
    try {
      return await getBytes(`${replica.url}/blocks/${block.id}?${query}`)
    } catch (error: unknown) {
      failure = error
    }
  }
  throw new Error(`no replica of ${block.id} answered`, { cause: failure })
}
