// What the tests of this folder share: real servers on loopback, baggage that is easy to read, and one clean
// start and end.
import { Baggage } from '#baggage'
import { currentFrame, joinBaggage, newFrame, runWith, startContext, stopContext } from '#context'
import http from 'node:http'
import type https from 'node:https'
import type { AddressInfo } from 'node:net'
import { after, before } from 'node:test'
import { installCarriers, type CarrierOptions, type Carriers } from './install.ts'

/** Baggage whose atoms are these words; words that sort first survive a trim. */
export function bag(...words: string[]): Baggage {
  return Baggage.of(words.toSorted().map((word) => new TextEncoder().encode(word)))
}

export function words(baggage: Baggage | undefined): string[] {
  return (baggage?.atoms ?? []).map((atom) => new TextDecoder().decode(atom))
}

export function here(): string[] {
  return words(currentFrame()?.baggage)
}

/** Merges words into the current baggage, as a tool would pack. */
export function pack(...added: string[]): void {
  joinBaggage(bag(...added))
}

/** A new execution that starts with these words. */
export function execution<R>(start: string[], fn: () => R): R {
  return runWith(newFrame(bag(...start)), fn)
}

export interface Rig {
  readonly carriers: Carriers
}

/** Context and carriers for a whole test file. */
export function rig(options: CarrierOptions = {}): Rig {
  let carriers: Carriers | undefined
  before(() => {
    startContext('carriers-test')
    carriers = installCarriers(options)
  })
  after(() => {
    carriers?.uninstall()
    stopContext('carriers-test')
  })
  return {
    get carriers(): Carriers {
      if (carriers === undefined) throw new Error('only inside a test')
      return carriers
    },
  }
}

export interface TestServer {
  readonly port: number
  readonly url: string
  close(): Promise<void>
}

export async function serve(listener: http.RequestListener): Promise<TestServer> {
  return listen(http.createServer(listener))
}

export async function listen(server: http.Server | https.Server): Promise<TestServer> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = addressOf(server)
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((done) => {
        server.close(() => done())
        server.closeAllConnections()
      }),
  }
}

function addressOf(server: http.Server | https.Server): AddressInfo {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('listens on a port')
  return address
}

export interface Got {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly trailers: NodeJS.Dict<string>
  readonly body: string
}

/** One request with node:http, read with listeners to its end. */
export function get(url: string, options: http.RequestOptions = {}, body?: string): Promise<Got> {
  return new Promise((done, failed) => {
    const request = http.request(url, options, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.on('end', () =>
        done({
          status: response.statusCode ?? 0,
          headers: response.headers,
          trailers: response.trailers,
          body: text,
        }),
      )
    })
    request.on('error', failed)
    request.end(body)
  })
}
