// What crosses the wire, decided in one place: headers, policy, key and counts together.
//
//   in:   headers --scan--> our member --MAC, decode--> baggage     members of others, tracestate --> scope
//   out:  baggage --trim--> base64url --MAC--> our member + foreign members --> one header
//
// Each transport (http server, http client, undici) asks this object and does only what is special to its
// objects.
import { Baggage, keepText, textOf } from '#baggage'
import { scopeValue, withScopeValue, type Frame, type Scope } from '#context'
import type { AddressRules } from './address-rules.ts'
import { joinBaggageHeader, roomForOurs, scanBaggage } from './baggage-header.ts'
import { fromText, toText } from './baggage-text.ts'
import { newCounts, type DropCounts } from './counts.ts'
import type { CarrierObserver, ClientExchange, MessageExchange, ServerExchange } from './exchange.ts'
import type { HoldSwitch } from './holds.ts'
import type { FleetKey } from './fleet-key.ts'
import type { RequestLines } from './head-lines.ts'
import { RETURN_CHARS_MAX } from './limits.ts'
import { RecentTexts } from './recent-texts.ts'
import { cleanTracestate, formatTraceparent, parseTraceparent, type TraceParent } from './trace-context.ts'

/**
 * What a request brought that is not ours, kept in the scope of its execution so that its own requests pass
 * it on.
 */
export interface Carried {
  readonly foreign: string
  readonly tracestate: string
  readonly remote: TraceParent | undefined
  /** The members did not come from a header that we scanned: an application made them, of any text. */
  readonly isUnscanned?: boolean
}

/** Where a scope keeps what it carries for others. */
export const CARRIED: unique symbol = Symbol('crosscut.carried')

export interface Incoming extends Carried {
  readonly baggage: Baggage
  /** May baggage flow back to this caller? */
  readonly isAccepting: boolean
}

export interface Outgoing {
  readonly traceparent: string
  readonly tracestate: string
  /** The whole header; '' = send none. */
  readonly baggage: string
}

type Step = keyof CarrierObserver

export class Wire {
  readonly counts: DropCounts = newCounts()
  /** Who may stop a request before it begins. */
  readonly holds: HoldSwitch
  /** Somebody meters: exchanges tell when things happened. */
  readonly isTimed: boolean
  /** Told of a step first; then who steers, then the observer. */
  readonly #metering: CarrierObserver
  readonly #steering: CarrierObserver
  /** The observer's; empty object when nobody watches. */
  readonly #observer: CarrierObserver
  readonly #trust: AddressRules
  readonly #egress: AddressRules
  readonly #key: FleetKey | undefined
  readonly #recent = new RecentTexts()
  readonly #onFault: ((error: unknown) => void) | undefined

  constructor(options: {
    observer: CarrierObserver
    steering: CarrierObserver
    metering: CarrierObserver | undefined
    holds: HoldSwitch
    trust: AddressRules
    egress: AddressRules
    key: FleetKey | undefined
    onFault?: (error: unknown) => void
  }) {
    this.#observer = options.observer
    this.#steering = options.steering
    this.#metering = options.metering ?? {}
    this.isTimed = options.metering !== undefined
    this.holds = options.holds
    this.#trust = options.trust
    this.#egress = options.egress
    this.#key = options.key
    this.#onFault = options.onFault
  }

  /** performance.now() while somebody meters, else 0. */
  stamp(): number {
    return this.isTimed ? performance.now() : 0
  }

  trustsPeer(address: string | undefined): boolean {
    return this.#trust.allowsPeer(address)
  }

  tellsHost(host: string): boolean {
    return this.#egress.allowsHost(host)
  }

  /** Does the observer take this step? Lets a transport skip what only that step needs. */
  watches(step: Step): boolean {
    return this.#observer[step] !== undefined
  }

  // One method a step, not one generic: each call site then sees one shape and stays quick.
  serverStep(step: 'serverStart' | 'serverHead' | 'serverEnd', exchange: ServerExchange): void {
    try {
      this.#metering[step]?.(exchange)
      this.#steering[step]?.(exchange)
      this.#observer[step]?.(exchange)
    } catch (error: unknown) {
      this.observerFailed(error)
    }
  }

  clientStep(step: 'clientStart' | 'clientResponse' | 'clientEnd', exchange: ClientExchange): void {
    try {
      this.#metering[step]?.(exchange)
      this.#steering[step]?.(exchange)
      this.#observer[step]?.(exchange)
    } catch (error: unknown) {
      this.observerFailed(error)
    }
  }

  messageStep(step: 'messageSend' | 'messageReceive' | 'messageEnd', exchange: MessageExchange): void {
    try {
      this.#metering[step]?.(exchange)
      this.#steering[step]?.(exchange)
      this.#observer[step]?.(exchange)
    } catch (error: unknown) {
      this.observerFailed(error)
    }
  }

  /** A fault of the instrumentation itself: counted, told to whoever installed us, never to the host. */
  hookFailed(error: unknown): void {
    this.counts.hook_failed++
    this.#tell(error)
  }

  private observerFailed(error: unknown): void {
    this.counts.observer_failed++
    this.#tell(error)
  }

  #tell(error: unknown): void {
    try {
      this.#onFault?.(error)
    } catch {
      // Whoever listens to faults is no more allowed to reach the host than the fault itself; it is counted
      // already.
    }
  }

  /** Reads a request's head. Never throws on what a stranger wrote. */
  read(lines: RequestLines, isTrusted: boolean): Incoming {
    const remote = parseTraceparent(lines.traceparent)
    if (remote === undefined && lines.traceparent !== undefined) this.counts.traceparent_invalid++
    // Without a valid traceparent a tracestate means nothing (W3C Trace Context 3.3.1).
    const tracestate =
      remote === undefined || lines.tracestate === undefined ? '' : this.#tracestate(lines.tracestate)
    const scanned = scanBaggage(lines.baggage, this.counts)
    const baggage = this.#admit(scanned.ours, isTrusted)
    if (!isTrusted && scanned.foreign !== '') this.counts.ingress_untrusted++
    const isProven = this.#key === undefined ? isTrusted : baggage !== undefined
    return {
      baggage: baggage ?? Baggage.empty,
      foreign: isTrusted ? scanned.foreign : '',
      tracestate,
      remote,
      isAccepting: isProven && lines.accept === '1',
    }
  }

  #tracestate(value: string | readonly string[]): string {
    const clean = cleanTracestate(value)
    if (clean.isCut) this.counts.tracestate_truncated++
    return clean.value
  }

  /**
   * Our member from a request: with a key its MAC decides, else the peer's address. undefined = nothing was
   * admitted.
   */
  #admit(ours: string | undefined, isTrusted: boolean): Baggage | undefined {
    if (ours === undefined) return undefined
    if (this.#key === undefined && !isTrusted) {
      this.counts.ingress_untrusted++
      return undefined
    }
    return this.decodeValue(ours)
  }

  /** A member's or a flow-back's value; undefined = refused by its MAC or wholly damaged. */
  decodeValue(value: string): Baggage | undefined {
    const text = this.#verified(value)
    return text === undefined ? undefined : (this.#recent.get(text) ?? this.#decoded(text))
  }

  #decoded(text: string): Baggage | undefined {
    if (text.length > RETURN_CHARS_MAX) {
      this.counts.member_too_long++
      return undefined
    }
    const bytes = fromText(text)
    if (bytes === undefined) {
      this.counts.baggage_malformed++
      return undefined
    }
    const baggage = Baggage.decodeLenient(bytes)
    if (baggage.byteLength < bytes.length) this.counts.baggage_malformed++
    else {
      keepText(baggage, text)
      this.#recent.keep(text, baggage)
    }
    return baggage
  }

  #verified(value: string): string | undefined {
    const dot = value.indexOf('.')
    // No key here: the address has decided already, and a neighbour that has the key signs all the same.
    if (this.#key === undefined) return dot < 0 ? value : value.slice(0, dot)
    const text = this.#key.verify(value)
    if (text === undefined) this.counts[dot < 0 ? 'mac_missing' : 'mac_invalid']++
    return text
  }

  /**
   * The value for `room` characters, trimmed to fit; undefined when there is nothing to send or no room for
   * the smallest.
   */
  encodeValue(baggage: Baggage, room: number): string | undefined {
    const chars = room - (this.#key?.suffixChars ?? 0)
    const bytesMax = Math.floor((chars * 3) / 4)
    if (bytesMax < 1) {
      this.counts.baggage_no_room++
      return undefined
    }
    let fitting = baggage
    if (baggage.byteLength > bytesMax) {
      fitting = baggage.trim(bytesMax)
      this.counts.baggage_trimmed++
    }
    const text = textOf(fitting) ?? toText(fitting.encode())
    keepText(fitting, text)
    return this.#key === undefined ? text : this.#key.sign(text)
  }

  /** What flows back; the same budget as a member. */
  encodeReturn(baggage: Baggage): string | undefined {
    return this.encodeValue(baggage, RETURN_CHARS_MAX)
  }

  /**
   * The three headers of a request. `existing` is what the application put into `baggage` itself: its members
   * replace those that the execution carries, a copy of our own member in it is dropped (a proxy that copies
   * headers).
   */
  write(
    exchange: ClientExchange,
    isTold: boolean,
    existing: string | readonly string[] | undefined,
  ): Outgoing {
    const carried = carriedIn(exchange.scope)
    const unscanned = existing ?? (carried?.isUnscanned === true ? carried.foreign : undefined)
    const foreign =
      unscanned === undefined ? (carried?.foreign ?? '') : scanBaggage(unscanned, this.counts).foreign
    // Nobody makes spans: the caller's span is passed on as it came, like any service that only forwards.
    const isOurSpan = exchange.traceparent !== ''
    const remote = isOurSpan ? undefined : carried?.remote
    return {
      traceparent:
        remote === undefined
          ? exchange.traceparent
          : formatTraceparent(remote.traceId, remote.spanId, remote.flags),
      tracestate: remote === undefined ? exchange.tracestate : (carried?.tracestate ?? ''),
      baggage: this.#baggageHeader(exchange.baggage, foreign, isTold, existing !== undefined),
    }
  }

  #baggageHeader(baggage: Baggage, foreign: string, isTold: boolean, isOwnHeader: boolean): string {
    const isEmpty = baggage.byteLength === 0
    if (!isTold) {
      if (!isEmpty || (!isOwnHeader && foreign !== '')) this.counts.egress_refused++
      // What the application wrote itself is its own affair; what we carry for others stays inside.
      return isOwnHeader ? foreign : ''
    }
    // With a key, the caller proves itself even with nothing to say: only a proven caller gets an answer.
    if (isEmpty && this.#key === undefined) return foreign
    return joinBaggageHeader(this.encodeValue(baggage, roomForOurs(foreign)), foreign)
  }
}

/** What this scope carries for others. */
export function carriedIn(scope: Scope | undefined): Carried | undefined {
  const carried = scopeValue(scope, CARRIED)
  return isCarried(carried) ? carried : undefined
}

/**
 * The same scope carrying these members for others instead: what an application sets through OpenTelemetry's
 * baggage API.
 */
export function withForeignMembers(scope: Scope, foreign: string): Scope {
  const carried = carriedIn(scope)
  if ((carried?.foreign ?? '') === foreign) return scope
  const changed: Carried = {
    foreign,
    tracestate: carried?.tracestate ?? '',
    remote: carried?.remote,
    isUnscanned: true,
  }
  return withScopeValue(scope, CARRIED, changed)
}

function isCarried(value: unknown): value is Carried {
  return typeof value === 'object' && value !== null && 'foreign' in value && 'remote' in value
}

/** The same frame with more baggage; the very same when it adds nothing. */
export function withBaggage(frame: Frame, returned: Baggage): Frame {
  const baggage = frame.baggage.join(returned)
  return baggage === frame.baggage ? frame : { baggage, scope: frame.scope }
}
