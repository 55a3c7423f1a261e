// Messages between a process and its worker threads carry baggage and trace context beside them, and answers
// come home.
//
//   main, execution E                              worker
//   worker.postMessage(x) -- letter(seq, token) --> parentPort 'message': new execution, baggage of E
//        E's scope kept under token                    listeners run in it
//   'message' of worker <-- letter(seq, token) ---- parentPort.postMessage(y)
//        listeners run in E again: `await once(worker, 'message')` joins what the worker packed
//
// `worker_threads` (a diagnostics channel) tells of each Worker. No channel tells of messages, so functions
// are put on the two objects that are known to be the two ends of one port: the Worker (postMessage, emit),
// and parentPort (postMessage, and the method by which Node hands a message to a port's listeners, known
// under a registered symbol). Other MessagePorts may end in any thread, and a BroadcastChannel in many:
// nothing says which messages arrived, so they stay outside (docs/reference/carriers.md).
import { Baggage } from '#baggage'
import {
  currentFrame,
  newExecution,
  runWith,
  scopeOf,
  scopeValue,
  withScopeValue,
  type Frame,
  type Scope,
} from '#context'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { syncBuiltinESMExports } from 'node:module'
import threads, { Worker, parentPort, threadId } from 'node:worker_threads'
import type { MessageExchange } from './exchange.ts'
import { MAILBOX_BAGGAGE_BYTES_MAX, SCOPES_REMEMBERED_MAX } from './limits.ts'
import { FROM_WORKER, Mailbox, TO_WORKER, type Direction, type Letter } from './mailbox.ts'
import { replaceMethod } from './replace-method.ts'
import { parseTraceparent, type TraceParent } from './trace-context.ts'
import type { Wire } from './wire.ts'

const CREATED = 'worker_threads'
const MAILBOX_KEY = 'crosscut.mailbox.1'
/**
 * Node's own, registered: EventTargets of Node are handed their messages by it, one call a message, before
 * any listener.
 */
const DELIVER = Symbol.for('nodejs.internal.kHybridDispatch')
/** Where a scope remembers from which thread and scope its first message came. */
const ORIGIN: unique symbol = Symbol('crosscut.origin')

interface Origin {
  readonly thread: number
  readonly token: number
}

export function installThreads(wire: Wire): () => void {
  const inherited: unknown = threads.getEnvironmentData(MAILBOX_KEY)
  const post = new PostOffice(wire, Mailbox.fits(inherited) ? new Mailbox(inherited) : new Mailbox())
  const onCreated = (message: unknown): void => {
    try {
      if (
        typeof message === 'object' &&
        message !== null &&
        'worker' in message &&
        message.worker instanceof Worker
      )
        post.attachWorker(message.worker)
    } catch (error: unknown) {
      wire.hookFailed(error)
    }
  }
  const undo: (() => void)[] = [() => void unsubscribe(CREATED, onCreated)]
  subscribe(CREATED, onCreated)
  try {
    threads.setEnvironmentData(MAILBOX_KEY, post.mailbox.memory)
    if (inherited === undefined) undo.push(() => threads.setEnvironmentData(MAILBOX_KEY, undefined))
    if (parentPort !== null && Mailbox.fits(inherited)) undo.push(...post.attachParent(parentPort))
  } catch (error: unknown) {
    wire.hookFailed(error)
  }
  return () => {
    for (const step of undo) step()
  }
}

class Exchange implements MessageExchange {
  readonly side = 'message'
  readonly threadId: number
  readonly remote: TraceParent | undefined
  traceparent = ''
  baggage: Baggage
  scope: Scope
  handle: unknown = undefined

  constructor(thread: number, remote: TraceParent | undefined, frame: Frame) {
    this.threadId = thread
    this.remote = remote
    this.baggage = frame.baggage
    this.scope = frame.scope
  }
}

/** One direction of one port, as far as this thread counts it. */
class Lane {
  readonly thread: number
  readonly direction: Direction
  sequence = 0

  constructor(thread: number, direction: Direction) {
    this.thread = thread
    this.direction = direction
  }

  get next(): { thread: number; direction: Direction; sequence: number } {
    return { thread: this.thread, direction: this.direction, sequence: this.sequence + 1 }
  }
}

class PostOffice {
  readonly mailbox: Mailbox
  readonly #wire: Wire
  /** Scopes that sent a message and may get an answer, oldest first. */
  readonly #scopes = new Map<number, Scope>()
  #token = 0

  constructor(wire: Wire, mailbox: Mailbox) {
    this.#wire = wire
    this.mailbox = mailbox
  }

  /** For functions that are called with another `this`. */
  readonly #counted = {
    send: (lane: Lane, call: () => unknown): unknown => this.#send(lane, call),
    receive: (lane: Lane, call: () => unknown): unknown => this.#receive(lane, call),
  }

  attachWorker(worker: Worker): void {
    const out = new Lane(worker.threadId, TO_WORKER)
    const back = new Lane(worker.threadId, FROM_WORKER)
    const { postMessage, emit } = worker
    const { send, receive } = this.#counted
    replaceMethod(worker, 'postMessage', function (this: unknown, ...args: unknown[]) {
      return send(out, () => Reflect.apply(postMessage, this, args))
    })
    replaceMethod(worker, 'emit', function (this: unknown, ...args: unknown[]) {
      const call = (): unknown => Reflect.apply(emit, this, args)
      return args[0] === 'message' || args[0] === 'messageerror' ? receive(back, call) : call()
    })
  }

  /** Gives what undoes it. */
  attachParent(port: object): (() => void)[] {
    const into = new Lane(threadId, TO_WORKER)
    const out = new Lane(threadId, FROM_WORKER)
    const { send, receive } = this.#counted
    const postMessage: unknown = Reflect.get(port, 'postMessage')
    const deliver: unknown = Reflect.get(port, DELIVER)
    if (typeof postMessage !== 'function' || typeof deliver !== 'function') return []
    const undoPost = replaceMethod(port, 'postMessage', function (this: unknown, ...args: unknown[]) {
      return send(out, () => Reflect.apply(postMessage, this, args))
    })
    const undoDeliver = replaceMethod(port, DELIVER, function (this: unknown, ...args: unknown[]) {
      const call = (): unknown => Reflect.apply(deliver, this, args)
      return args[1] === 'message' || args[1] === 'messageerror' ? receive(into, call) : call()
    })
    return [undoPost, undoDeliver, countSynchronousReads(port, into)]
  }

  /**
   * The letter is in its slot before the message is posted; the message counts only if posting did not throw.
   */
  #send(lane: Lane, call: () => unknown): unknown {
    const frame = currentFrame()
    if (frame !== undefined) this.#write(lane, frame)
    let isPosted = false
    try {
      const result = call()
      isPosted = true
      return result
    } finally {
      if (isPosted) lane.sequence++
      else if (frame !== undefined) this.mailbox.take(lane.next)
    }
  }

  #write(lane: Lane, frame: Frame): void {
    const counts = this.#wire.counts
    try {
      const exchange = new Exchange(lane.thread, undefined, frame)
      this.#wire.messageStep('messageSend', exchange)
      const fitting = exchange.baggage.trim(MAILBOX_BAGGAGE_BYTES_MAX)
      if (fitting !== exchange.baggage) counts.baggage_trimmed++
      const origin = originIn(frame.scope) ?? { thread: threadId, token: this.#remember(frame.scope) }
      const put = this.mailbox.put(lane.next, {
        baggage: fitting.encode(),
        traceparent: exchange.traceparent,
        originThread: origin.thread,
        originToken: origin.token,
      })
      if (put !== 'stored') counts.message_overrun++
    } catch (error: unknown) {
      this.#wire.hookFailed(error)
    }
  }

  #receive(lane: Lane, call: () => unknown): unknown {
    const exchange = this.#read(lane)
    lane.sequence++
    if (exchange === undefined) return call()
    try {
      return runWith({ baggage: exchange.baggage, scope: exchange.scope }, call)
    } finally {
      this.#wire.messageStep('messageEnd', exchange)
    }
  }

  #read(lane: Lane): Exchange | undefined {
    try {
      const letter = this.mailbox.take(lane.next)
      if (letter === undefined) return undefined
      const frame = { baggage: Baggage.decodeLenient(letter.baggage), scope: this.#scopeFor(letter) }
      const exchange = new Exchange(lane.thread, parseTraceparent(letter.traceparent), frame)
      this.#wire.messageStep('messageReceive', exchange)
      return exchange
    } catch (error: unknown) {
      this.#wire.hookFailed(error)
      return undefined
    }
  }

  #remember(scope: Scope): number {
    this.#token = (this.#token % 0x7fffffff) + 1
    if (this.#scopes.size >= SCOPES_REMEMBERED_MAX) {
      for (const oldest of this.#scopes.keys()) {
        this.#scopes.delete(oldest)
        break
      }
    }
    this.#scopes.set(this.#token, scope)
    return this.#token
  }

  /** An answer goes on in the execution that asked; anything else is an execution of its own. */
  #scopeFor(letter: Letter): Scope {
    const asked = letter.originThread === threadId ? this.#scopes.get(letter.originToken) : undefined
    if (asked !== undefined) return asked
    const origin: Origin = { thread: letter.originThread, token: letter.originToken }
    return withScopeValue(scopeOf(newExecution()), ORIGIN, origin)
  }
}

function originIn(scope: Scope): Origin | undefined {
  const origin = scopeValue(scope, ORIGIN)
  return typeof origin === 'object' &&
    origin !== null &&
    'thread' in origin &&
    'token' in origin &&
    typeof origin.thread === 'number' &&
    typeof origin.token === 'number'
    ? { thread: origin.thread, token: origin.token }
    : undefined
}

/**
 * receiveMessageOnPort takes a message without delivering it: it must be counted, or all later letters would
 * be one off.
 */
function countSynchronousReads(port: object, lane: Lane): () => void {
  const receive = threads.receiveMessageOnPort
  const ours: typeof receive = (from) => {
    const message = receive(from)
    if (message !== undefined && from === port) lane.sequence++
    return message
  }
  threads.receiveMessageOnPort = ours
  syncBuiltinESMExports()
  return () => {
    if (threads.receiveMessageOnPort !== ours) return
    threads.receiveMessageOnPort = receive
    syncBuiltinESMExports()
  }
}
