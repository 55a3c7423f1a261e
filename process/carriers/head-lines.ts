// What of a head's lines concerns us, found in one look at the raw list.
//
// `headers` of a message is an object that Node makes at its first use, 1 us for a dozen lines; in a service
// that never looks into it, it is never made. Names are told apart by their length first, so of most lines
// nothing else is read. Where a name of ours stands twice, Node's own rules of joining decide: `headers`.
import type { IncomingMessage } from 'node:http'

export const ACCEPT_HEADER = 'crosscut-accept'
export const RETURN_HEADER = 'crosscut-baggage'

export type HeaderValue = string | readonly string[] | undefined

/** Of a request that came in. Owned by one request; what it has not is undefined. */
export class RequestLines {
  traceparent: HeaderValue = undefined
  tracestate: HeaderValue = undefined
  baggage: HeaderValue = undefined
  accept: HeaderValue = undefined
  host: string | undefined = undefined
  userAgent: string | undefined = undefined

  constructor(message: Pick<IncomingMessage, 'rawHeaders' | 'headers'>) {
    const raw = message.rawHeaders
    let isTwice = false
    for (let i = 0; i + 1 < raw.length; i += 2) {
      const name = raw[i] ?? ''
      switch (name.length) {
        case 4:
          // The first counts, as with Node: of these two it discards the others.
          if (this.host === undefined && isName(name, 'host')) this.host = raw[i + 1]
          break
        case 7:
          if (!isName(name, 'baggage')) break
          isTwice ||= this.baggage !== undefined
          this.baggage = raw[i + 1]
          break
        case 10:
          if (isName(name, 'tracestate')) {
            isTwice ||= this.tracestate !== undefined
            this.tracestate = raw[i + 1]
          } else if (this.userAgent === undefined && isName(name, 'user-agent')) this.userAgent = raw[i + 1]
          break
        case 11:
          if (!isName(name, 'traceparent')) break
          isTwice ||= this.traceparent !== undefined
          this.traceparent = raw[i + 1]
          break
        case 15:
          if (!isName(name, ACCEPT_HEADER)) break
          isTwice ||= this.accept !== undefined
          this.accept = raw[i + 1]
      }
    }
    if (isTwice) this.#join(message.headers)
  }

  #join(headers: IncomingMessage['headers']): void {
    this.traceparent = headers['traceparent']
    this.tracestate = headers['tracestate']
    this.baggage = headers['baggage']
    this.accept = headers[ACCEPT_HEADER]
  }
}

/** Is there a line of this name, given in lower case? */
export function hasLine(raw: readonly string[], name: string): boolean {
  for (let i = 0; i < raw.length; i += 2) {
    const given = raw[i]
    if (given !== undefined && given.length === name.length && isName(given, name)) return true
  }
  return false
}

/** Our own services write names in lower case: one comparison. */
function isName(given: string, name: string): boolean {
  return given === name || given.toLowerCase() === name
}
