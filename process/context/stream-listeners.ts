// Listeners of streams run in the execution that added them.
//
// A stream's events are rooted in I/O or in whoever feeds it: AsyncLocalStorage runs a listener in the
// context of the producer (another request: wrong) or of a socket opened long ago (none: lost; so it is for
// `data`, `end`, `close`, `finish` of HTTP requests and responses). Whoever listens to a stream wants its
// content, so the listener is bound where it is added: it sees what was packed before it was added and,
// within one execution, before the event; from another execution a barrier edge is left.
//
// Where somebody sees to it that the events of a stream run in the very frame (HOME; carriers/ does for
// HTTP), a listener needs no binding: most of a request's are Node's own.
//
// Plain EventEmitters and EventTargets are not bound: a listener of a bus, added by the first request that
// came along, serves them all, and `emit` is a call by whoever emits. Strict mode reports those;
// `context.bind` is the remedy. Sockets are left out too: Node's own listeners on them outlive many requests
// and would hold on to the frame of one.
import { Socket } from 'node:net'
import { Stream } from 'node:stream'
import { HOME, HOUSED, type Frame, type Home } from './frame.ts'
import { wrapListenerMethods } from './listeners.ts'

declare module 'node:events' {
  interface EventEmitter {
    [HOME]?: Home
    [HOUSED]?: boolean
  }
}

export type ListenerHost = {
  frame(): Frame | undefined
  /** Calls a listener that was added in `frame`. */
  callListener(frame: Frame, call: () => unknown): unknown
}

/**
 * Adds `on`, `once`, ... to Stream.prototype, below Readable's and above EventEmitter's. Gives what removes
 * them.
 */
export function installStreamListeners(host: ListenerHost): () => void {
  return wrapListenerMethods(Stream.prototype, (emitter) => {
    if (emitter instanceof Socket) return undefined
    const frame = host.frame()
    if (frame === undefined) return undefined
    if (emitter instanceof Stream && isAtHome(emitter, frame)) return undefined
    return (listener, self, args) => {
      if (host.frame() === frame) return Reflect.apply(listener, self, args)
      return host.callListener(frame, () => Reflect.apply(listener, self, args))
    }
  })
}

function isAtHome(emitter: Stream, frame: Frame): boolean {
  const home = emitter[HOME]
  return home === undefined ? emitter[HOUSED] === true : home.frame === frame
}
