// The face of base/: see README.md.
export { bytesCount, nanos, type Brand, type Bytes, type Nanos } from './brands.ts'
export { type Clock } from './clock.ts'
export { seededRandom, type Random } from './random.ts'
export { err, ok, type Result } from './result.ts'
export { assert, AssertionError, unreachable } from './assert.ts'
export { formatDiagnostic, nearest, spanOf, type Diagnostic, type Span } from './diagnostic.ts'
export { DIAGNOSTICS_MAX, Reporter, type Help, type Range } from './reporter.ts'
export { isTimeUnit, UNIT_NAMES, unitFactor } from './literal-units.ts'
export { matchesGlob } from './glob.ts'
export {
  compareBytes,
  concatBytes,
  decodeBase64Url,
  encodeBase64Url,
  equalBytes,
  fromHex,
  toHex,
} from './bytes.ts'
export {
  readVarint,
  varintSize,
  VARINT_BYTES_MAX,
  VARINT_VALUE_MAX,
  writeVarint,
  type Varint,
} from './varint.ts'
export {
  decodeLexVarint,
  encodeLexVarint,
  lexUnsignedSize,
  LEXVARINT_BYTES_MAX,
  readLexSigned,
  readLexUnsigned,
  readLexUnsignedNumber,
  writeLexSigned,
  writeLexUnsigned,
  type LexKind,
  type LexVarint,
} from './lexvarint.ts'
export { Ring } from './ring.ts'
export { BoundedQueue, type FullPolicy } from './bounded-queue.ts'
