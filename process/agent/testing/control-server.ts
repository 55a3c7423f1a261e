// A control plane for tests: signs with a real key, tells states over server-sent events, keeps what agents
// say.

import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { createServer, type ServerResponse } from 'node:http'
import {
  unpackColumn,
  type AgentHello,
  type AgentReport,
  type ControlOrder,
  type DesiredState,
  type SamplingState,
  type SignedState,
  type ToolPackage,
} from '#protocol'
import { fingerprintOf } from '../trust.ts'
import { closed, listen } from './rig.ts'

export type Signer = {
  readonly publicKey: string
  readonly fingerprint: string
  sign(state: DesiredState | ControlOrder): SignedState
}

export function openSigner(): Signer {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const raw = Buffer.from(String(publicKey.export({ format: 'jwk' }).x), 'base64url')
  return {
    publicKey: raw.toString('base64url'),
    fingerprint: fingerprintOf(raw),
    sign: (state) => signPayload(Buffer.from(JSON.stringify(state)), privateKey, raw),
  }
}

function signPayload(payload: Buffer, key: KeyObject, publicKey: Buffer): SignedState {
  return {
    payload: payload.toString('base64url'),
    signature: sign(null, payload, key).toString('base64url'),
    publicKey: publicKey.toString('base64url'),
  }
}

export type ControlPlane = {
  readonly url: string
  readonly token: string
  readonly hellos: AgentHello[]
  /** The last report by service. */
  readonly reports: Map<string, AgentReport>
  readonly signer: Signer
  tell(change: {
    readonly packages?: readonly ToolPackage[]
    readonly disabled?: boolean
    readonly sampling?: SamplingState
  }): void
  /** Gives the order, to be told again. */
  order(service: string, settings: ControlOrder['settings'], forMs?: number): SignedState
  /** As it is: again, late, or somebody else's. */
  orderRaw(signed: SignedState): void
  /** Whatever this is, to all who listen. */
  tellRaw(signed: SignedState): void
  dropStreams(): void
  close(): Promise<void>
}

export async function startControlPlane(): Promise<ControlPlane> {
  const signer = openSigner()
  const hellos: AgentHello[] = []
  const reports = new Map<string, AgentReport>()
  const streams = new Set<ServerResponse>()
  let state: DesiredState = {
    format: 1,
    fleet: 'test',
    version: 1,
    expiresMs: Date.now() + 60_000,
    disabled: false,
    packages: [],
  }
  let sentMs = Date.now()
  const write = (stream: ServerResponse, signed: SignedState, event = 'state') =>
    stream.write(`event: ${event}\ndata: ${JSON.stringify(signed)}\n\n`)
  const orderRaw = (signed: SignedState) => streams.forEach((stream) => write(stream, signed, 'control'))
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      if (request.headers.authorization !== `Bearer secret.${signer.fingerprint}`)
        return response.writeHead(401).end()
      if (request.url?.startsWith('/agent/v1/state') === true) {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        streams.add(response)
        response.on('close', () => streams.delete(response))
        return write(response, signer.sign(state))
      }
      const message = JSON.parse(Buffer.concat(chunks).toString())
      for (const point of message.measured?.points ?? []) point.passed = unpackColumn(point.passed)
      for (const one of message.measured?.resources ?? []) one.waitMs = unpackColumn(one.waitMs)
      if (request.url === '/agent/v1/hello') hellos.push(message)
      else reports.set(hellos.find(({ agent }) => agent === message.agent)?.service ?? '?', message)
      return response.end('{"ok":true}')
    })
  })
  const url = await listen(server)
  return {
    url,
    token: `secret.${signer.fingerprint}`,
    hellos,
    reports,
    signer,
    tell(change) {
      state = { ...state, ...change, version: state.version + 1, expiresMs: Date.now() + 60_000 }
      for (const stream of streams) write(stream, signer.sign(state))
    },
    order(service, settings, forMs = 30_000) {
      const agent = hellos.findLast((hello) => hello.service === service)?.agent ?? ''
      sentMs = Math.max(sentMs + 1, Date.now())
      const signed = signer.sign({ control: 1, agent, sentMs, forMs, settings })
      orderRaw(signed)
      return signed
    },
    orderRaw,
    tellRaw: (signed) => streams.forEach((stream) => write(stream, signed)),
    dropStreams: () => streams.forEach((stream) => stream.destroy()),
    close: () => closed(server),
  }
}
