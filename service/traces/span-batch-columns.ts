// Typed arrays that grow. One class for each element type, so that every call site stays monomorphic: `push`
// is then two loads and a store. `data` is replaced when it grows; never keep it across a push.

const INITIAL_LENGTH = 1024

/** A scratch larger than this is given back on reset: one huge request must not pin its memory for ever. */
const KEPT_LENGTH_MAX = 1024 * 1024

export class U8Column {
  data = new Uint8Array(INITIAL_LENGTH)
  length = 0

  push(value: number): void {
    if (this.length === this.data.length) this.reserve(1)
    this.data[this.length++] = value
  }

  /** Makes room for `count` more. */
  reserve(count: number): void {
    if (this.length + count <= this.data.length) return
    const grown = new Uint8Array(Math.max(this.data.length * 2, this.length + count))
    grown.set(this.data.subarray(0, this.length))
    this.data = grown
  }

  reset(): void {
    this.length = 0
    if (this.data.length > KEPT_LENGTH_MAX) this.data = new Uint8Array(INITIAL_LENGTH)
  }

  view(): Uint8Array {
    return this.data.subarray(0, this.length)
  }
}

export class U32Column {
  data = new Uint32Array(INITIAL_LENGTH)
  length = 0

  push(value: number): void {
    if (this.length === this.data.length) this.reserve(1)
    this.data[this.length++] = value
  }

  push2(low: number, high: number): void {
    if (this.length + 2 > this.data.length) this.reserve(2)
    this.data[this.length] = low
    this.data[this.length + 1] = high
    this.length += 2
  }

  reserve(count: number): void {
    if (this.length + count <= this.data.length) return
    const grown = new Uint32Array(Math.max(this.data.length * 2, this.length + count))
    grown.set(this.data.subarray(0, this.length))
    this.data = grown
  }

  reset(): void {
    this.length = 0
    if (this.data.length > KEPT_LENGTH_MAX) this.data = new Uint32Array(INITIAL_LENGTH)
  }

  view(): Uint32Array {
    return this.data.subarray(0, this.length)
  }

  /** The same memory, two words an element, low word first. */
  wideView(): BigUint64Array {
    return new BigUint64Array(this.data.buffer, 0, this.length >> 1)
  }

  bytesView(): Uint8Array {
    return new Uint8Array(this.data.buffer, 0, this.length * 4)
  }
}

// Cells, times and ids are copied as little-endian words; so are WAL records. Every platform Node runs on
// today is one.
if (new Uint8Array(new Uint32Array([1]).buffer)[0] !== 1)
  throw new Error('span columns need a little-endian machine')
