// Why a body is refused whole, and what is reported of a body that is not.

export type OtlpErrorCode =
  /** Not the encoding it says it is, or cut short. */
  | 'E_OTLP_MALFORMED'
  /** More messages than a body of this size may hold. */
  | 'E_OTLP_OBJECTS'
  /** Values nested deeper than VALUE_DEPTH_MAX, or JSON deeper than JSON_DEPTH_MAX. */
  | 'E_OTLP_DEPTH'

export class OtlpError extends Error {
  readonly code: OtlpErrorCode
  /** Byte of the body at which it was noticed. */
  readonly at: number

  constructor(code: OtlpErrorCode, message: string, at: number) {
    super(`${message} (at byte ${at})`)
    this.name = 'OtlpError'
    this.code = code
    this.at = at
  }
}

/**
 * What decoding left out. Spans are rejected alone; the rest is also counted in the dropped counts of its
 * span.
 */
export class DecodeReport {
  rejectedSpans = 0
  /** The first reason, for the sender. */
  firstReason = ''
  droppedAttributes = 0
  droppedEvents = 0
  droppedLinks = 0
  truncatedValues = 0

  rejectSpan(reason: string): void {
    if (this.rejectedSpans === 0) this.firstReason = reason
    this.rejectedSpans++
  }

  /** What another report left out is left out here too. */
  add(other: DecodeReport): void {
    if (this.rejectedSpans === 0) this.firstReason = other.firstReason
    this.rejectedSpans += other.rejectedSpans
    this.droppedAttributes += other.droppedAttributes
    this.droppedEvents += other.droppedEvents
    this.droppedLinks += other.droppedLinks
    this.truncatedValues += other.truncatedValues
  }

  /** For partial_success.error_message; '' = nothing to say. */
  get message(): string {
    const parts = [
      this.rejectedSpans > 0 ? `${this.rejectedSpans} spans rejected (first: ${this.firstReason})` : '',
      this.droppedAttributes > 0 ? `${this.droppedAttributes} attributes over a limit dropped` : '',
      this.droppedEvents > 0 ? `${this.droppedEvents} events over a limit dropped` : '',
      this.droppedLinks > 0 ? `${this.droppedLinks} links invalid or over a limit dropped` : '',
      this.truncatedValues > 0 ? `${this.truncatedValues} values over a limit cut` : '',
    ]
    return parts.filter((part) => part !== '').join('; ')
  }
}
