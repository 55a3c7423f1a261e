// A pull parser for JSON over bytes: the caller asks for the next key, item or scalar; nothing is built that
// it did not ask for.
//
// JSON.parse accepts a million levels and makes an object of each `{}`: 20 MiB of `{},` would be 390 MB. Here
// the depth is bounded, skipping allocates nothing and never recurses, and strings are handed over as byte
// ranges of the body. Source: RFC 8259.

import { OtlpError } from './otlp-error.ts'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const COMMA = 0x2c
const COLON = 0x3a

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/

const ESCAPE_LETTERS = Buffer.from('"\\/bfnrt')

/** Longer numbers than this are damage: 2^64 has 20 digits, a double at most 25 characters that matter. */
const NUMBER_BYTES_MAX = 64

/** A string's bytes between its quotes. */
export type JsonString = { readonly from: number; readonly to: number; readonly isEscaped: boolean }

export class JsonReader {
  readonly #bytes: Buffer
  readonly #depthMax: number
  #at = 0
  #depth = 0
  /** True right after an opening bracket: no comma before the next key or item. */
  #isFirst = false

  constructor(body: Uint8Array, depthMax: number) {
    this.#bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
    this.#depthMax = depthMax
  }

  get at(): number {
    return this.#at
  }

  /** Enters an object. False = it was null, which counts as absent. */
  openObject(): boolean {
    return this.#open(OPEN_OBJECT, 'an object')
  }

  openArray(): boolean {
    return this.#open(OPEN_ARRAY, 'an array')
  }

  /** The next key of the open object; undefined = it ended. */
  nextKey(): string | undefined {
    if (this.#isClosed(CLOSE_OBJECT)) return undefined
    const key = this.string()
    this.#expect(COLON)
    return this.textOf(key)
  }

  /** Is there another item in the open array? */
  nextItem(): boolean {
    return !this.#isClosed(CLOSE_ARRAY)
  }

  /** True = nothing but white space is left. */
  isAtEnd(): boolean {
    return this.#space() < 0
  }

  end(): void {
    if (!this.isAtEnd()) this.fail('something follows the message')
  }

  fail(message: string): never {
    throw new OtlpError('E_OTLP_MALFORMED', message, this.#at)
  }

  /** What kind of value comes next. */
  peek(): 'string' | 'number' | 'literal' | 'object' | 'array' {
    const byte = this.#space()
    if (byte === QUOTE) return 'string'
    if (byte === OPEN_OBJECT) return 'object'
    if (byte === OPEN_ARRAY) return 'array'
    return byte === 0x2d || (byte >= 0x30 && byte <= 0x39) ? 'number' : 'literal'
  }

  string(): JsonString {
    this.#expect(QUOTE)
    const from = this.#at
    let isEscaped = false
    for (;;) {
      const byte = this.#bytes[this.#at]
      if (byte === undefined || byte < 0x20) this.fail('a string is not ended, or holds a control character')
      if (byte === QUOTE) break
      if (byte === BACKSLASH) {
        isEscaped = true
        this.#escape()
      }
      this.#at++
    }
    const to = this.#at++
    return { from, to, isEscaped }
  }

  /** Stands on a backslash; afterwards on the last character of the escape. */
  #escape(): void {
    const letter = this.#bytes[++this.#at]
    if (letter === 0x75) {
      for (let i = 0; i < 4; i++)
        if (!isHexDigit(this.#bytes[++this.#at])) this.fail('an escape is not four hex digits')
    } else if (letter === undefined || !ESCAPE_LETTERS.includes(letter))
      this.fail('a string holds an unknown escape')
  }

  /** A string as text; a lone surrogate stays one. */
  textOf({ from, to, isEscaped }: JsonString): string {
    if (!isEscaped) return this.#bytes.toString('utf8', from, to)
    const text: unknown = JSON.parse(this.#bytes.toString('utf8', from - 1, to + 1))
    return String(text)
  }

  /** Characters of a number, or of a string that stands for one. */
  numberText(): string {
    if (this.peek() === 'string') return this.textOf(this.string())
    const from = this.#at
    while (this.#at - from <= NUMBER_BYTES_MAX && isNumberByte(this.#bytes[this.#at])) this.#at++
    const text = this.#bytes.toString('latin1', from, this.#at)
    if (!NUMBER.test(text)) this.fail('a number was expected')
    return text
  }

  /** Like numberText, without making the text: -? (0 | 1-9 digits) (. digits)? ((e|E) sign? digits)? */
  #skipNumber(): void {
    if (this.#bytes[this.#at] === 0x2d) this.#at++
    if (this.#bytes[this.#at] === 0x30) this.#at++
    else this.#digits()
    if (this.#bytes[this.#at] === 0x2e) {
      this.#at++
      this.#digits()
    }
    const letter = this.#bytes[this.#at]
    if (letter === 0x65 || letter === 0x45) {
      this.#at++
      const sign = this.#bytes[this.#at]
      if (sign === 0x2b || sign === 0x2d) this.#at++
      this.#digits()
    }
  }

  #digits(): void {
    const from = this.#at
    while (isDigit(this.#bytes[this.#at])) this.#at++
    if (this.#at === from) this.fail('a digit was expected')
  }

  /** true, false, or undefined for null. */
  literal(): boolean | undefined {
    this.#space()
    if (this.#word('true')) return true
    if (this.#word('false')) return false
    if (this.#word('null')) return undefined
    return this.fail('a value was expected')
  }

  /** Steps over null. */
  isNull(): boolean {
    return this.#space() === 0x6e && this.#word('null')
  }

  /** Steps over any value. Cost: one pass over its bytes; no recursion. */
  skip(): void {
    const depth = this.#depth
    do {
      switch (this.peek()) {
        case 'string':
          this.string()
          break
        case 'number':
          this.#skipNumber()
          break
        case 'literal':
          this.literal()
          break
        case 'object':
          this.openObject()
          break
        case 'array':
          this.openArray()
          break
      }
      this.#closeSkipped(depth)
    } while (this.#depth > depth)
  }

  /** After a value inside skip(): closes what ends here, and stands before the next value. */
  #closeSkipped(depth: number): void {
    while (this.#depth > depth) {
      const isObject = this.#isObject[this.#depth - 1]!
      if (isObject ? this.nextKey() !== undefined : this.nextItem()) return
    }
  }

  readonly #isObject: boolean[] = []

  #open(bracket: number, what: string): boolean {
    if (this.isNull()) return false
    if (this.#space() !== bracket) this.fail(`${what} was expected`)
    if (this.#depth >= this.#depthMax)
      throw new OtlpError('E_OTLP_DEPTH', `nested deeper than ${this.#depthMax}`, this.#at)
    this.#at++
    this.#isObject[this.#depth++] = bracket === OPEN_OBJECT
    this.#isFirst = true
    return true
  }

  #isClosed(bracket: number): boolean {
    const byte = this.#space()
    if (byte === bracket) {
      this.#at++
      this.#depth--
      this.#isFirst = false
      return true
    }
    if (!this.#isFirst) this.#expect(COMMA)
    this.#isFirst = false
    return false
  }

  #expect(byte: number): void {
    if (this.#space() !== byte) this.fail(`${JSON.stringify(String.fromCharCode(byte))} was expected`)
    this.#at++
  }

  /** Steps over white space; the byte after it, -1 at the end. */
  #space(): number {
    for (;;) {
      const byte = this.#bytes[this.#at]
      if (byte === undefined) return -1
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return byte
      this.#at++
    }
  }

  #word(word: string): boolean {
    for (let i = 0; i < word.length; i++) {
      if (this.#bytes[this.#at + i] !== word.charCodeAt(i)) return false
    }
    this.#at += word.length
    return true
  }
}

/** Digits, sign, point, exponent. */
function isNumberByte(byte: number | undefined): boolean {
  if (byte === undefined) return false
  return (
    (byte >= 0x30 && byte <= 0x39) ||
    byte === 0x2d ||
    byte === 0x2b ||
    byte === 0x2e ||
    byte === 0x65 ||
    byte === 0x45
  )
}

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x30 && byte <= 0x39

function isHexDigit(byte: number | undefined): boolean {
  if (byte === undefined) return false
  const lower = byte | 0x20
  return (byte >= 0x30 && byte <= 0x39) || (lower >= 0x61 && lower <= 0x66)
}
