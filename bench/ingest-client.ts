// The other side of ingest-server.ts: starts it, sends it spans, and waits for what it tells.

import { fork, type ChildProcess } from 'node:child_process'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import type { DatasetDefinition } from '#protocol'

const CONNECTIONS = 8

/** MiB. */
export type Rss = { readonly own: number; readonly store: number }

type Told = {
  readonly listening: { readonly port: number }
  readonly drained: {
    readonly cpuSeconds: number
    readonly rssMax: Rss
    /** The highest of the first half of the time, and of the second. */
    readonly rssGrowth: { readonly early: Rss; readonly late: Rss }
  }
  readonly rows: { readonly ids: readonly string[] }
  readonly closed: {
    readonly cpuSeconds: number
    readonly bytes: number
    readonly tracesBuilt: number
    readonly tracesFromMemory: number
    readonly rowsWritten: number
  }
}

/** One process over one folder: ingest, trace worker, store child; with datasets the feature worker too. */
export class IngestServer {
  readonly #process: ChildProcess
  readonly #exited: Promise<unknown>
  readonly #port: number
  readonly #agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })

  private constructor(server: ChildProcess, exited: Promise<unknown>, port: number) {
    this.#process = server
    this.#exited = exited
    this.#port = port
  }

  static async start(dir: string, datasets: readonly DatasetDefinition[] = []): Promise<IngestServer> {
    const entry = join(import.meta.dirname, 'ingest-server.ts')
    const server = fork(entry, [dir, JSON.stringify(datasets)], { execArgv: [] })
    const exited = new Promise((resolve) => server.once('exit', resolve))
    return new IngestServer(server, exited, (await told(server, 'listening')).port)
  }

  /** Each body over one of some connections; rejects at the first that is not taken. */
  async send(bodies: Iterable<Uint8Array>): Promise<void> {
    const waiting = bodies[Symbol.iterator]()
    const connection = async () => {
      for (let next = waiting.next(); next.done !== true; next = waiting.next()) {
        const status = await post(this.#agent, this.#port, next.value)
        if (status !== 200) throw new Error(`answered ${status}`)
      }
    }
    await Promise.all(Array.from({ length: CONNECTIONS }, connection))
  }

  /** Until so many spans are in the store. CPU and memory since the start. */
  drain(spans: number): Promise<Told['drained']> {
    return this.#ask({ kind: 'drain', spans }, 'drained')
  }

  /** Which of these traces have a row in the first dataset. One question at a time. */
  async rows(ids: readonly string[]): Promise<readonly string[]> {
    return (await this.#ask({ kind: 'rows', ids }, 'rows')).ids
  }

  /**
   * Writes every summary and row that is due, and ends. `bytes` on disk; CPU of the server and the store
   * child.
   */
  close(): Promise<Told['closed']> {
    return this.#ask({ kind: 'close' }, 'closed')
  }

  /** Nothing, where it has ended. */
  async kill(): Promise<void> {
    this.#agent.destroy()
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
    const onExit = (): void => reject(new Error(`the server ended before it said ${kind}`))
    const onMessage = (message: Told[K] & { readonly kind: string }): void => {
      if (message.kind !== kind) return
      server.off('message', onMessage).off('exit', onExit)
      resolve(message)
    }
    server.on('message', onMessage).once('exit', onExit)
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
