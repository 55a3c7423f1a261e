// Events of node:http's requests and responses run in the frame of their exchange.
//
//   emit(type) ──► nobody but Node itself listens, or no exchange: Node's emit
//              └─► the exchange's frame is entered ──► Node's emit ──► what listeners packed is kept
//
// Node brings an event no frame that could be relied on: on 24 and 26 some arrive without any, others in that
// of an older moment of the request. Events of one exchange happen one after the other, so what a `data`
// listener packed is there in `end`. Because of this, context/ need not bind listeners that are added in the
// exchange's own frame (HOME).
//
// The methods stand on the classes and find the exchange under one symbol. As own properties of each object
// they would give it hidden classes of its own, and Node's code, which has seen others, its slow paths.
// Cast: http-server and http-client open and close exchanges; the methods stay until those under way are
// closed, so that a request ends as it began.
import { currentFrame, enter, HOME, HOUSED, type Frame, type Home, type Scope } from '#context'
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http'
import { ClientRequestClass, IncomingMessageClass, ServerResponseClass } from './node-http.ts'
import { emptyFrame } from './quiet.ts'
import { replaceMethod } from './replace-method.ts'
import { withBaggage } from './wire.ts'

/** One request seen from one side. */
export interface HttpExchange extends Home {
  /** Its events run in this; changed by what they pack. */
  frame: Frame
  readonly scope: Scope
  /** Before `end` of the message that is read. */
  onEnd(message: IncomingMessage): void
  /** Before `close` of the message that is written: the last event. */
  onClose(): void
}

declare module 'node:http' {
  interface IncomingMessage {
    [HOME]?: HttpExchange
  }
  interface OutgoingMessage {
    [HOME]?: HttpExchange
  }
}

type Emit<T> = (this: T, type: string | symbol, ...rest: unknown[]) => boolean

/** Owned by one installation. */
export class HttpEvents {
  readonly #restores: (() => void)[] = []
  #openExchanges = 0
  #isInstalled = true

  constructor() {
    const { prototype: read } = IncomingMessageClass
    const { prototype: answer } = ServerResponseClass
    const { prototype: request } = ClientRequestClass
    this.replace(read, 'emit', emitOfRead(read.emit))
    // Node itself waits for `finish` of each answer.
    this.replace(answer, 'emit', emitOfWritten(answer.emit, { finishListeners: 1 }))
    this.replace(request, 'emit', emitOfWritten(request.emit, { finishListeners: 0 }))
    // Announced by its constructor; one that is not has no execution.
    Object.defineProperty(request, HOUSED, { value: true, configurable: true })
    this.#restores.push(() => void Reflect.deleteProperty(request, HOUSED))
  }

  /** Puts a method that needs exchanges on a class, for as long as there are some. */
  replace(prototype: object, name: string | symbol, ours: Function): void {
    this.#restores.push(replaceMethod(prototype, name, ours))
  }

  opened(): void {
    this.#openExchanges += 1
  }

  closed(): void {
    this.#openExchanges -= 1
    this.#settle()
  }

  uninstall(): void {
    this.#isInstalled = false
    this.#settle()
  }

  #settle(): void {
    if (this.#isInstalled || this.#openExchanges > 0) return
    for (const restore of this.#restores.splice(0)) restore()
  }
}

function emitOfRead(native: Emit<IncomingMessage>): Emit<IncomingMessage> {
  const isPlain = isNodesOwn(native)
  return function emit(type, ...rest) {
    const exchange = this[HOME]
    if (exchange === undefined) return native.call(this, type, ...rest)
    if (type === 'end') exchange.onEnd(this)
    const listeners = this.listenerCount(type)
    if (listeners === 0 && isPlain && type !== 'error') return false
    if (listeners === 0 || isOutside(exchange)) return native.call(this, type, ...rest)
    const outer = enterFrame(exchange)
    try {
      return native.call(this, type, ...rest)
    } finally {
      leaveFrame(exchange, outer)
    }
  }
}

/** `finishListeners`: how many are Node's own, which need no frame. */
function emitOfWritten(
  native: Emit<ServerResponse | ClientRequest>,
  nodes: { readonly finishListeners: number },
): Emit<ServerResponse | ClientRequest> {
  const isPlain = isNodesOwn(native)
  return function emit(type, ...rest) {
    const exchange = this[HOME]
    if (exchange === undefined) return native.call(this, type, ...rest)
    if (type === 'close') exchange.onClose()
    const listeners = this.listenerCount(type)
    if (listeners === 0 && isPlain && type !== 'error') return false
    const unseen = type === 'finish' ? nodes.finishListeners : 0
    if (listeners <= unseen || isOutside(exchange)) return native.call(this, type, ...rest)
    const outer = enterFrame(exchange)
    try {
      return native.call(this, type, ...rest)
    } finally {
      leaveFrame(exchange, outer)
    }
  }
}

/**
 * Then what nobody listens to is answered here, as Node does: 15 of the 22 events of a request that calls
 * another service.
 */
function isNodesOwn(emit: Function): boolean {
  return emit === process.getBuiltinModule('node:events').EventEmitter.prototype.emit
}

/** A request made outside every execution: its events stay outside. */
export function isOutside(exchange: HttpExchange): boolean {
  return exchange.scope === emptyFrame.scope
}

/**
 * Gives the frame to go back to. Where Node or a listener brings a frame of the same execution, what it
 * packed is there too.
 */
function enterFrame(exchange: HttpExchange): Frame | undefined {
  const outer = currentFrame()
  keepBaggage(exchange, outer)
  if (outer !== exchange.frame) enter(exchange.frame)
  return outer
}

/** Like after any call, what listeners packed stays within the execution; the scope of before is back. */
function leaveFrame(exchange: HttpExchange, outer: Frame | undefined): void {
  const inner = currentFrame()
  keepBaggage(exchange, inner)
  if (inner === outer) return
  if (!isOwn(exchange, outer)) enter(outer)
  else if (inner !== exchange.frame || outer.scope !== inner.scope)
    enter(withBaggage(outer, exchange.frame.baggage))
}

function isOwn(exchange: HttpExchange, frame: Frame | undefined): frame is Frame {
  return frame !== undefined && frame.scope.execution === exchange.scope.execution
}

/** Is this frame one of the exchange's own execution? Then the exchange has what it carries. */
export function keepBaggage(exchange: HttpExchange, frame: Frame | undefined): boolean {
  if (!isOwn(exchange, frame)) return false
  if (frame !== exchange.frame) exchange.frame = joinFrames(exchange.frame, frame)
  return true
}

/** One of the two where it says it all: what runs in the exchange's very frame need not enter it. */
function joinFrames(frame: Frame, other: Frame): Frame {
  const baggage = frame.baggage.join(other.baggage)
  if (baggage === frame.baggage) return frame
  return baggage === other.baggage && frame.scope === other.scope ? other : { baggage, scope: frame.scope }
}
