// The side channel of worker messages: shared memory with one slot for each message under way that carries
// something.
//
//   slot = (thread, direction, sequence) mod MAILBOX_SLOTS
//
//   byte    0  lock: grows by two with each use, odd while somebody is in the slot
//           4  thread id (0 = taken)     8  direction     12  sequence
//          16  length of baggage        20  length of traceparent
//          24  origin's thread          28  origin's token
//          32  traceparent, ASCII, 55 of 96 bytes used
//         128  baggage, at most 4096 bytes
//
// The user's message itself is not touched: what the receiver sees is what was posted, transfer list
// included, whether or not the receiving thread runs Crosscut. Messages of one port arrive in order, so both
// ends count them and need no mark in the data.
//
// Cast: any thread writes and takes; the lock (odd = being written) makes a meeting of two a counted loss,
// never a mixture. Shared by setEnvironmentData, which every later Worker inherits.
import { assert } from '#base'
import { MAILBOX_BAGGAGE_BYTES_MAX, MAILBOX_SLOTS } from './limits.ts'

const LOCK = 0
const THREAD = 1
const DIRECTION = 2
const SEQUENCE = 3
const BAGGAGE_LENGTH = 4
const PARENT_LENGTH = 5
const ORIGIN_THREAD = 6
const ORIGIN_TOKEN = 7
const PARENT_AT = 32
const PARENT_BYTES_MAX = 96
const BAGGAGE_AT = PARENT_AT + PARENT_BYTES_MAX
const SLOT_BYTES = BAGGAGE_AT + MAILBOX_BAGGAGE_BYTES_MAX
assert(SLOT_BYTES % 4 === 0, 'a slot begins on a word')

export const TO_WORKER = 0
export const FROM_WORKER = 1
export type Direction = typeof TO_WORKER | typeof FROM_WORKER

export interface Address {
  /** The worker's thread id, whichever way the message goes. */
  readonly thread: number
  readonly direction: Direction
  /** Counts the messages of this thread and direction from 1. */
  readonly sequence: number
}

export interface Letter {
  readonly baggage: Uint8Array
  /** '' = none. */
  readonly traceparent: string
  /** Thread and number under which the first sender remembers its scope; token 0 = nobody does. */
  readonly originThread: number
  readonly originToken: number
}

/** What put did: `overrun` = a letter that nobody had taken is gone. */
export type Put = 'stored' | 'overrun' | 'refused'

export class Mailbox {
  readonly memory: SharedArrayBuffer
  readonly #words: Int32Array
  readonly #bytes: Uint8Array

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(MAILBOX_SLOTS * SLOT_BYTES)) {
    assert(memory.byteLength === MAILBOX_SLOTS * SLOT_BYTES, 'both threads agree on the layout')
    this.memory = memory
    this.#words = new Int32Array(memory)
    this.#bytes = new Uint8Array(memory)
  }

  static fits(memory: unknown): memory is SharedArrayBuffer {
    return memory instanceof SharedArrayBuffer && memory.byteLength === MAILBOX_SLOTS * SLOT_BYTES
  }

  put(address: Address, letter: Letter): Put {
    if (letter.baggage.length > MAILBOX_BAGGAGE_BYTES_MAX || letter.traceparent.length > PARENT_BYTES_MAX)
      return 'refused'
    const at = slotOf(address)
    const version = this.#lock(at)
    if (version === undefined) return 'refused'
    const wasTaken = this.#words[at + THREAD] === 0
    this.#words.set(
      [
        address.thread,
        address.direction,
        address.sequence,
        letter.baggage.length,
        letter.traceparent.length,
        letter.originThread,
        letter.originToken,
      ],
      at + THREAD,
    )
    for (let i = 0; i < letter.traceparent.length; i++)
      this.#bytes[at * 4 + PARENT_AT + i] = letter.traceparent.charCodeAt(i)
    this.#bytes.set(letter.baggage, at * 4 + BAGGAGE_AT)
    this.#unlock(at, version)
    return wasTaken ? 'stored' : 'overrun'
  }

  /** The letter of this message, once; undefined when it carried nothing or was overrun. Owns: the caller. */
  take(address: Address): Letter | undefined {
    const at = slotOf(address)
    if (!this.#isFor(at, address)) return undefined
    const version = this.#lock(at)
    if (version === undefined) return undefined
    const letter = this.#isFor(at, address) ? this.#read(at) : undefined
    if (letter !== undefined) this.#words[at + THREAD] = 0
    this.#unlock(at, version)
    return letter
  }

  #isFor(at: number, address: Address): boolean {
    return (
      this.#words[at + THREAD] === address.thread &&
      this.#words[at + DIRECTION] === address.direction &&
      this.#words[at + SEQUENCE] === (address.sequence | 0)
    )
  }

  #read(at: number): Letter {
    const byte = at * 4
    const parentLength = Math.min(this.#words[at + PARENT_LENGTH] ?? 0, PARENT_BYTES_MAX)
    const baggageLength = Math.min(this.#words[at + BAGGAGE_LENGTH] ?? 0, MAILBOX_BAGGAGE_BYTES_MAX)
    return {
      baggage: this.#bytes.slice(byte + BAGGAGE_AT, byte + BAGGAGE_AT + baggageLength),
      traceparent: String.fromCharCode(
        ...this.#bytes.subarray(byte + PARENT_AT, byte + PARENT_AT + parentLength),
      ),
      originThread: this.#words[at + ORIGIN_THREAD] ?? 0,
      originToken: this.#words[at + ORIGIN_TOKEN] ?? 0,
    }
  }

  /**
   * The version to unlock with; undefined when another thread is in this slot: its letter wins, ours is lost
   * and counted.
   */
  #lock(at: number): number | undefined {
    const version = Atomics.load(this.#words, at + LOCK)
    const isFree =
      (version & 1) === 0 && Atomics.compareExchange(this.#words, at + LOCK, version, version + 1) === version
    return isFree ? version : undefined
  }

  #unlock(at: number, version: number): void {
    Atomics.store(this.#words, at + LOCK, (version + 2) | 0)
  }
}

/** First word of the slot. The two directions of a thread begin half the ring apart. */
function slotOf({ thread, direction, sequence }: Address): number {
  const slot = (sequence + thread * 31 + direction * (MAILBOX_SLOTS / 2)) % MAILBOX_SLOTS
  return (slot * SLOT_BYTES) / 4
}
