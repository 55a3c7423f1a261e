// A stream as a series of passages: each piece goes through a control point, so that a long answer can be
// slowed
// down while it is under way and not only before it begins.
//
//   pipeline(file, paced('blocks'), response)         a passage is at most 64 KiB

import { host } from './host.ts'
import { PIECE_BYTES } from './limits.ts'

type Chunk = string | Uint8Array

/**
 * For `stream.pipeline`, or around any source of chunks. Chunks that are larger are cut, text is not.
 * Without an
 * order a chunk costs one call. Errors: the source's own; the signal's reason while waiting.
 */
export function paced(
  point: string,
  options: { readonly signal?: AbortSignal } = {},
): (source: AsyncIterable<Chunk>) => AsyncGenerator<Chunk> {
  return async function* (source) {
    for await (const chunk of source) {
      for (const piece of piecesOf(chunk)) {
        const held = host()?.controlPoint(point, options.signal)
        if (held !== undefined) await held
        yield piece
      }
    }
  }
}

function* piecesOf(chunk: Chunk): Generator<Chunk> {
  if (typeof chunk === 'string' || chunk.byteLength <= PIECE_BYTES) return yield chunk
  for (let at = 0; at < chunk.byteLength; at += PIECE_BYTES) yield chunk.subarray(at, at + PIECE_BYTES)
}
