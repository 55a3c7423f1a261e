// Protobuf's wire format, written straight into one growing buffer.
//
// A nested message needs its length before its bytes. Most of ours are short, so one byte is kept free for
// the length; when the message turns out longer, its bytes are moved up by the bytes the length needs.
// Cheaper than measuring everything first.
//
//   open():  [ tag ][ ? ]            close(mark), 200 bytes:  [ tag ][ c8 01 ][ 200 bytes, moved up by one ]

/** Owned by one encoder; `bytes` is replaced when it grows, so it must be read anew after each write. */
export class ByteWriter {
  bytes: Uint8Array
  view: DataView
  length = 0
  #buffer: Buffer

  constructor(capacity: number) {
    this.#buffer = Buffer.allocUnsafeSlow(capacity)
    this.bytes = this.#buffer
    this.view = viewOf(this.#buffer)
  }

  reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.length + more))
    grown.set(this.bytes.subarray(0, this.length))
    this.#buffer = grown
    this.bytes = grown
    this.view = viewOf(grown)
  }

  byte(value: number): void {
    this.reserve(1)
    this.bytes[this.length++] = value
  }

  /** Unsigned, below 2^53. */
  varint(value: number): void {
    this.reserve(10)
    let rest = value
    while (rest > 0x7f_ffff) {
      this.bytes[this.length++] = (rest % 128) | 0x80
      rest = Math.floor(rest / 128)
    }
    while (rest > 127) {
      this.bytes[this.length++] = (rest & 127) | 128
      rest >>>= 7
    }
    this.bytes[this.length++] = rest
  }

  /** int64 in two's complement: negative numbers take ten bytes. */
  varint64(value: bigint): void {
    this.reserve(10)
    let rest = BigInt.asUintN(64, value)
    while (rest > 127n) {
      this.bytes[this.length++] = Number(rest & 127n) | 128
      rest >>= 7n
    }
    this.bytes[this.length++] = Number(rest)
  }

  double(value: number): void {
    this.reserve(8)
    this.view.setFloat64(this.length, value, true)
    this.length += 8
  }

  /** Begins a length-delimited field; tags of ours all fit one byte. */
  open(tag: number): number {
    this.reserve(2)
    this.bytes[this.length] = tag
    this.length += 2
    return this.length
  }

  close(mark: number): void {
    const size = this.length - mark
    if (size < 128) {
      this.bytes[mark - 1] = size
      return
    }
    const extra = size < 16_384 ? 1 : size < 2_097_152 ? 2 : 3
    this.reserve(extra)
    this.bytes.copyWithin(mark + extra, mark, this.length)
    const end = this.length + extra
    this.length = mark - 1
    this.varint(size)
    this.length = end
  }

  /** A string field. Short ASCII, which nearly all are, is copied without a call into C++. */
  string(tag: number, text: string): void {
    this.reserve(text.length * 3 + 6)
    const start = this.length
    if (text.length < 64 && this.#shortAscii(tag, text)) return
    this.length = start
    const mark = this.open(tag)
    this.length += this.#buffer.write(text, this.length, 'utf8')
    this.close(mark)
  }

  #shortAscii(tag: number, text: string): boolean {
    const bytes = this.bytes
    let at = this.length
    bytes[at++] = tag
    bytes[at++] = text.length
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i)
      if (code > 127) return false
      bytes[at++] = code
    }
    this.length = at
    return true
  }

  /** An id in hex as a bytes field. */
  hex(tag: number, digits: string): void {
    const size = digits.length >>> 1
    this.reserve(size + 2)
    const bytes = this.bytes
    let at = this.length
    bytes[at++] = tag
    bytes[at++] = size
    for (let i = 0; i < digits.length; i += 2)
      bytes[at++] = (nibble(digits.charCodeAt(i)) << 4) | nibble(digits.charCodeAt(i + 1))
    this.length = at
  }

  /** A copy of what was written. */
  taken(): Uint8Array {
    return this.bytes.slice(0, this.length)
  }
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/**
 * '0'..'9' are 48..57, 'a'..'f' 97..102: the low four bits, plus nine for letters. Without a branch, for no
 * processor foresees the next digit of an id: 16 bytes take 130 ns, with one 300.
 */
const nibble = (code: number): number => (code & 15) + 9 * (code >> 6)
