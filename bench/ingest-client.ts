// The other side of ingest-server.ts: starts it, sends it spans, and waits for what it tells.

import { fork, type ChildProcess } from 'node:child_process'
import { Agent, request } from 'node:http'
import { join } from 'node:path'

const CONNECTIONS = 8

type Told = {
  readonly listening: { readonly port: number }
  readonly drained: { readonly rssMax: { readonly own: number; readonly store: number } }
  readonly closed: { readonly cpuSeconds: number; readonly bytes: number }
}

/** One process over one folder: ingest, trace worker and store child. */
export class IngestServer {
  readonly #process: ChildProcess
  readonly #exited: Promise<unknown>
  readonly #port: number

  private constructor(server: ChildProcess, exited: Promise<unknown>, port: number) {
    this.#process = server
    this.#exited = exited
    this.#port = port
  }

  static async start(dir: string): Promise<IngestServer> {
    const server = fork(join(import.meta.dirname, 'ingest-server.ts'), [dir], { execArgv: [] })
    const exited = new Promise((resolve) => server.once('exit', resolve))
    return new IngestServer(server, exited, (await told(server, 'listening')).port)
  }

  /** Each body over one of some connections; rejects at the first that is not taken. */
  async send(bodies: Iterable<Uint8Array>): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })
    const waiting = bodies[Symbol.iterator]()
    const connection = async () => {
      for (let next = waiting.next(); next.done !== true; next = waiting.next()) {
        const status = await post(agent, this.#port, next.value)
        if (status !== 200) throw new Error(`answered ${status}`)
      }
    }
    await Promise.all(Array.from({ length: CONNECTIONS }, connection))
    agent.destroy()
  }

  /** Until so many spans are in the store. MiB. */
  drain(spans: number): Promise<Told['drained']> {
    return this.#ask({ kind: 'drain', spans }, 'drained')
  }

  /** Writes every summary that is due, and ends. `bytes` on disk; CPU of the server and the store child. */
  close(): Promise<Told['closed']> {
    return this.#ask({ kind: 'close' }, 'closed')
  }

  /** Nothing, where it has ended. */
  async kill(): Promise<void> {
    this.#process.kill()
    await this.#exited
  }

  async #ask<K extends keyof Told>(question: object, kind: K): Promise<Told[K]> {
    const answer = told(this.#process, kind)
    this.#process.send(question)
    return await answer
  }
}

function told<K extends keyof Told>(server: ChildProcess, kind: K): Promise<Told[K]> {
  return new Promise((resolve, reject) => {
    server.on('message', (message: Told[K] & { readonly kind: string }) => {
      if (message.kind === kind) resolve(message)
    })
    server.once('exit', () => reject(new Error(`the server ended before it said ${kind}`)))
  })
}

function post(agent: Agent, port: number, body: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        agent,
        host: '127.0.0.1',
        port,
        method: 'POST',
        path: '/v1/traces',
        headers: { 'content-type': 'application/x-protobuf', 'content-length': body.length },
      },
      (response) => response.resume().on('end', () => resolve(response.statusCode ?? 0)),
    )
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}
