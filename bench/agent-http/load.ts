// Load on one service over kept connections.

import http from 'node:http'
import { pace, saturate } from '../pacing.ts'

/** `cc=` with one bag: Bag 64 { 0: these values }. */
export function baggageOf(values: readonly string[]): string {
  const atoms = values.map((value) => atom([0, ...Buffer.from(value)]))
  return `cc=${Buffer.concat([atom([0xf8, 64]), atom([0xf0, 0]), ...atoms]).toString('base64url')}`
}

/** What a request of a traced system carries. */
const BAGGAGE = baggageOf(['tenant-a'])

function atom(bytes: readonly number[]): Buffer {
  return Buffer.from([bytes.length, ...bytes])
}

export class Load {
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: 64 })
  readonly #port: number
  readonly #baggage: string
  /** What a request asks for: this and a number. */
  path = '/order/'
  #count = 0

  constructor(port: number, baggage = BAGGAGE) {
    this.#port = port
    this.#baggage = baggage
  }

  /** `width` requests at a time for `ms`; gives how many were answered, and in how many ms. */
  saturate(ms: number, width: number): Promise<{ readonly answered: number; readonly ms: number }> {
    return saturate(ms, width, () => this.#one())
  }

  /** `perSecond` requests a second for `ms`; gives how many were answered. */
  pace(ms: number, perSecond: number): Promise<number> {
    return pace(ms, perSecond, () => this.#one())
  }

  close(): void {
    this.#agent.destroy()
  }

  #one(): Promise<void> {
    this.#count += 1
    return new Promise((resolve, reject) => {
      const options = { agent: this.#agent, headers: { baggage: this.#baggage } }
      const request = http.get(
        `http://127.0.0.1:${this.#port}${this.path}${this.#count % 1000}`,
        options,
        (response) => {
          if (response.statusCode !== 200) reject(new Error(`the service answered ${response.statusCode}`))
          response.resume()
          response.on('end', resolve)
        },
      )
      request.on('error', reject)
    })
  }
}
