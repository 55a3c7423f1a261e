// Who may stop a request before it begins: the seam for control points. Nothing is put on anything before
// somebody holds; what is put on asks again each time, so that taking the hold off acts at once.
//
//   server   http.Server emits `request` --held?--> go, later: the handler, in its frame
//                                              \--> answered by the holder: the handler never sees it
//   client   agent.addRequest, dispatch --> clientStart --held?--> go, later: it gets its connection
//                                              \ goTo: another's \--> go(error): it fails, nothing was sent
//
// A call begins before it is asked for, so that what decides at its start decides in time. While nobody
// holds, it begins when Node and undici announce it.
//
// Cast: the agent holds; http-admission.ts, http-departure.ts and undici-departure.ts ask. Owned by one
// installation of carriers.
import type { ClientExchange, ServerExchange } from './exchange.ts'
import type { departUndici } from './undici-departure.ts'

/** True: it was taken. Then `go` is called at most once, or the response is ended. Must not throw. */
export type ServerHold = (exchange: ServerExchange, go: () => void) => boolean

/**
 * undefined: it leaves now. Else `go` is called at most once, with an error to fail it; what it gives is for
 * when the application gives the call up. Must not throw.
 */
export type ClientHold = (exchange: ClientExchange, go: (error?: Error) => void) => (() => void) | undefined

export interface Holds {
  readonly server?: ServerHold | undefined
  readonly client?: ClientHold | undefined
}

/** What is put on while somebody holds, and how it is taken off. */
type Patch = () => () => void

/** What asks for calls: big, and in most processes nobody holds any. */
type Departures = { readonly http: Patch; readonly undici: typeof departUndici }

type Parts = {
  readonly server: Patch
  readonly departures: () => Promise<Departures>
  readonly failed: (error: unknown) => void
}

export class HoldSwitch {
  server: ServerHold | undefined = undefined
  /** Once what asks for calls is loaded. */
  client: ClientHold | undefined = undefined
  undici: typeof departUndici | undefined = undefined
  readonly #parts: Parts
  #wanted: ClientHold | undefined
  #departures: Departures | undefined
  #undo: { server?: () => void; client?: () => void } = {}

  constructor(parts: Parts) {
    this.#parts = parts
  }

  set({ server, client }: Holds): void {
    this.server = server
    this.#settle('server', server === undefined ? undefined : this.#parts.server)
    this.#wanted = client
    if (client !== undefined && this.#departures === undefined) void this.prepare()
    else this.#setClient()
  }

  /** Calls can be held from now on without a wait. Never rejects. */
  async prepare(): Promise<void> {
    try {
      this.#departures ??= await this.#parts.departures()
      this.#setClient()
    } catch (error: unknown) {
      this.#parts.failed(error)
    }
  }

  #setClient(): void {
    const client = this.#departures === undefined ? undefined : this.#wanted
    this.client = client
    this.undici = client === undefined ? undefined : this.#departures?.undici
    this.#settle('client', client === undefined ? undefined : this.#departures?.http)
  }

  #settle(side: 'server' | 'client', patch: Patch | undefined): void {
    const undo = this.#undo[side]
    if ((patch === undefined) === (undo === undefined)) return
    this.#undo[side] = patch?.()
    undo?.()
  }
}
