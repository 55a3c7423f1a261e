// Who may stop a request before it begins: the seam for control points. Nothing is put on anything before
// somebody holds; what is put on asks again each time, so that taking the hold off acts at once.
//
//   server   http.Server emits `request` --held?--> go, later: the handler, in its frame
//                                              \--> answered by the holder: the handler never sees it
//   client   agent.addRequest, dispatch  --held?--> go, later: it gets its connection
//                                              \--> go(error): it fails, nothing was sent
//
// Cast: the agent holds; http-admission.ts, http-departure.ts and undici-dispatch.ts ask. Owned by one
// installation of carriers.
import type { Frame } from '#context'
import type { ServerExchange } from './exchange.ts'

/** True: it was taken. Then `go` is called at most once, or the response is ended. Must not throw. */
export type ServerHold = (exchange: ServerExchange, go: () => void) => boolean

export interface ClientCall {
  /** Of who calls. */
  readonly frame: Frame | undefined
  readonly host: string
  readonly port: number
}

/**
 * undefined: it leaves now. Else `go` is called at most once, with an error to fail it. Must not throw.
 */
export type ClientHold = (call: ClientCall, go: (error?: Error) => void) => HeldCall | undefined

export interface HeldCall {
  /** Until it leaves, as things stand. */
  readonly waitMs: number
  /** The application gave it up. */
  leave(): void
}

export interface Holds {
  readonly server?: ServerHold | undefined
  readonly client?: ClientHold | undefined
}

/** What is put on while somebody holds, and how it is taken off. */
type Patch = () => () => void

export class HoldSwitch {
  server: ServerHold | undefined = undefined
  client: ClientHold | undefined = undefined
  readonly #patches: { readonly server: Patch; readonly client: Patch }
  #undo: { server?: () => void; client?: () => void } = {}

  constructor(patches: { readonly server: Patch; readonly client: Patch }) {
    this.#patches = patches
  }

  set({ server, client }: Holds): void {
    this.server = server
    this.client = client
    this.#settle('server', server !== undefined)
    this.#settle('client', client !== undefined)
  }

  #settle(side: 'server' | 'client', isWanted: boolean): void {
    const undo = this.#undo[side]
    if (isWanted === (undo !== undefined)) return
    this.#undo[side] = isWanted ? this.#patches[side]() : undefined
    undo?.()
  }
}
