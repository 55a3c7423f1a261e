// Server-sent events (HTML standard 9.2), as far as our server uses them: `event:` and `data:` lines,
// comments, LF or CRLF.

import { STATE_BYTES_MAX } from './limits.ts'
import { CONTROL_PLANE, PeerError } from './peer-error.ts'

/** Owned by one stream. */
export class EventReader {
  readonly #onEvent: (event: string, data: string) => void
  readonly #decoder = new TextDecoder()
  #rest = ''
  #event = 'message'
  #data = ''

  constructor(onEvent: (event: string, data: string) => void) {
    this.#onEvent = onEvent
  }

  /** Throws PeerError on an event that is too large. */
  read(bytes: Uint8Array): void {
    const lines = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split(/\r?\n/)
    this.#rest = lines.pop() ?? ''
    for (const line of lines) this.#take(line)
    if (this.#rest.length + this.#data.length > STATE_BYTES_MAX * 2)
      throw new PeerError(CONTROL_PLANE, 'refused', 'sends an event that is too large')
  }

  #take(line: string): void {
    if (line.startsWith('event:')) this.#event = line.slice(6).trim()
    else if (line.startsWith('data:'))
      this.#data += (this.#data === '' ? '' : '\n') + line.slice(5).trimStart()
    else if (line === '') this.#end()
  }

  #end(): void {
    const event = this.#event
    const data = this.#data
    this.#event = 'message'
    this.#data = ''
    if (data !== '') this.#onEvent(event, data)
  }
}
