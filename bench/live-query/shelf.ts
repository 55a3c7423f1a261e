// The demo under our own load, watched by a server of its own.

import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AgentView, QueryResults, QueryView } from '#protocol'
import { Crosscut, until } from '../../test/system/running.ts'
import { pace, saturate } from '../pacing.ts'
import { family } from './processes.ts'

const DEMO = path.join(import.meta.dirname, '..', '..', 'demo', 'main.ts')
/** Its requests have a tenant, as with `npm start`. */
const TENANTS = { CROSSCUT_TENANT: 'header:x-tenant' }
const TENANT = { 'x-tenant': 'web' }
const POLL_MS = 10
const WIDTH = 8
/** 16 rows of 10 kB: one block on three datanodes. */
const FILE_BYTES = 160 * 1024

type Installed = QueryView & { readonly warnings: readonly string[] }

/** One demo and its server. */
export class Shelf {
  readonly #crosscut = new Crosscut()
  #demoPid = 0
  #demo: readonly number[] | undefined
  #gateway = ''
  #requests = 0

  static async start(): Promise<Shelf> {
    const shelf = new Shelf()
    const crosscut = await shelf.#crosscut.start()
    const demo = await crosscut.run([DEMO, '--load', '0'], TENANTS, /shelf ready/)
    shelf.#demoPid = demo.child.pid ?? 0
    shelf.#gateway = /shelf ready (\S+)/.exec(demo.output())?.[1] ?? ''
    const body = Buffer.alloc(FILE_BYTES, 'row ')
    const headers = { ...TENANT, 'content-type': 'application/octet-stream' }
    await fetch(`${shelf.#gateway}/objects/bench?rid=fill`, { method: 'PUT', body, headers })
    await until(
      async () => (await shelf.agents()).filter(({ report }) => report !== undefined).length >= 7,
      () => 'the processes of the demo are not connected',
    )
    return shelf
  }

  /** The processes of the demo without its server. */
  get demo(): readonly number[] {
    return (this.#demo ??= family(this.#demoPid))
  }

  async agents(): Promise<readonly AgentView[]> {
    const { agents } = await this.#crosscut.api<{ agents: readonly AgentView[] }>('/agents')
    return agents.filter(({ isConnected }) => isConnected)
  }

  async install(text: string): Promise<string> {
    const body = JSON.stringify({ text })
    const { id, warnings } = await this.#crosscut.api<Installed>('/queries', { method: 'POST', body })
    // Of a function that is called something else by now no row would ever come.
    if (warnings.length > 0) throw new Error(`the query asks in vain: ${warnings.join('; ')}`)
    return id
  }

  results(id: string): Promise<QueryResults> {
    return this.#crosscut.api<QueryResults>(`/queries/${id}/results`)
  }

  async remove(id: string): Promise<void> {
    await this.#crosscut.api(`/queries/${id}`, { method: 'DELETE' })
  }

  /** Until as many processes have it as are connected. */
  async everywhere(id: string): Promise<void> {
    await poll(async () => {
      const { installed, connected } = (await this.results(id)).coverage
      return installed >= connected
    })
  }

  /** Until no process has it. */
  async gone(id: string): Promise<void> {
    const hasIt = ({ report }: AgentView): boolean =>
      report?.packages.some(({ name }) => name.endsWith(id)) === true
    await poll(async () => !(await this.agents()).some(hasIt))
  }

  /** As many requests for rows as the gateway answers in `ms`; a second. */
  async drive(ms: number): Promise<number> {
    const { answered, ms: tookMs } = await saturate(ms, WIDTH, () => this.#one())
    return (answered * 1000) / tookMs
  }

  /** `perSecond` requests for rows a second for `ms`; gives how many were answered. */
  pace(ms: number, perSecond: number): Promise<number> {
    return pace(ms, perSecond, () => this.#one())
  }

  async #one(): Promise<void> {
    this.#requests += 1
    const place = `/rows/bench/${this.#requests % 16}?rid=b${this.#requests}`
    const answer = await fetch(this.#gateway + place, { headers: TENANT })
    if (!answer.ok) throw new Error(`the gateway answered ${answer.status}`)
    await answer.arrayBuffer()
  }

  close(): Promise<void> {
    return this.#crosscut.close()
  }
}

export async function poll(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await sleep(POLL_MS)
}
