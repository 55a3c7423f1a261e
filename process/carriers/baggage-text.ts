// The text of our member: base64url of the bytes of baggage, one text for each byte string.
//
// Short ones, which nearly all are, by our own coder: no call into C++. Long ones by Node's, which takes 16
// characters an instruction but reads on past foreign ones, other alphabets and bits beyond the last byte: a
// text is right if it is what its bytes are written as.
import { decodeBase64Url, encodeBase64Url } from '#base'
import { NATIVE_TEXT_CHARS } from './limits.ts'

/** undefined: no text of ours. */
export function fromText(text: string): Uint8Array | undefined {
  if (text.length < NATIVE_TEXT_CHARS) return decodeBase64Url(text)
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? bytes : undefined
}

export function toText(bytes: Uint8Array): string {
  if ((bytes.length * 4) / 3 < NATIVE_TEXT_CHARS) return encodeBase64Url(bytes)
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64url')
}
