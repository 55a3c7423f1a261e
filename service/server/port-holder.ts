// Listening, and saying who holds a port that is busy.
//
// Linux tells it in two steps: /proc/net/tcp{,6} maps a local port in state LISTEN to the inode of its
// socket, and some /proc/<pid>/fd/* is a link `socket:[inode]`. Elsewhere, or for other users' processes,
// only the port can be named.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import type { Server } from 'node:net'
import { AUTO_PORTS_MAX } from './limits.ts'
import { ServerError } from './server-error.ts'

/** Listens on the port, or with isAuto on the next free one. Errors: E_PORT_BUSY with who holds it. */
export async function listen(
  server: Server,
  options: { host: string; port: number; isAuto: boolean; flag: string },
): Promise<number> {
  const { host, port, isAuto, flag } = options
  const last = isAuto && port !== 0 ? Math.min(port + AUTO_PORTS_MAX, 65_535) : port
  for (let candidate = port; candidate <= last; candidate++) {
    const listening = await tryListen(server, host, candidate)
    if (listening !== undefined) return listening
  }
  throw portBusy(port, flag)
}

export function portBusy(port: number, flag: string): ServerError {
  const holder = portHolder(port)
  const who = holder === undefined ? 'another process' : `process ${holder.pid} (${holder.command})`
  return new ServerError(
    'E_PORT_BUSY',
    `port ${port} is held by ${who}; stop it, give ${flag} another port, or use --auto-port`,
  )
}

/** Resolves to the port, undefined when it is busy; rejects on other failures (EACCES, EADDRNOTAVAIL). */
function tryListen(server: Server, host: string, port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      if ('code' in error && error.code === 'EADDRINUSE') resolve(undefined)
      else reject(error)
    }
    server.once('error', fail)
    server.listen({ host, port, exclusive: true }, () => {
      server.removeListener('error', fail)
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
}

export type PortHolder = { readonly pid: number; readonly command: string }

/** Who listens on a TCP port of this machine, as far as we may see it. */
export function portHolder(port: number): PortHolder | undefined {
  try {
    const inodes = new Set([...listeners('/proc/net/tcp', port), ...listeners('/proc/net/tcp6', port)])
    return inodes.size === 0 ? undefined : processOf(inodes)
  } catch {
    return undefined
  }
}

function listeners(table: string, port: number): string[] {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  return readFileSync(table, 'utf8')
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => columns[1]?.endsWith(wanted) === true && columns[3] === '0A')
    .map((columns) => columns[9] ?? '')
}

function processOf(inodes: ReadonlySet<string>): PortHolder | undefined {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    if (!holds(pid, inodes)) continue
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\u0000').join(' ').trim()
    return { pid: Number(pid), command: command.replace(/[\u0000-\u001f\u007f]/g, ' ').slice(0, 120) }
  }
  return undefined
}

/** Processes of others, and those that just ended, cannot be read: they are passed over. */
function holds(pid: string, inodes: ReadonlySet<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      const inode = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${fd}`))?.[1]
      return inode !== undefined && inodes.has(inode)
    })
  } catch {
    return false
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
