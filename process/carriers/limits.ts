// Every bound of the carriers, with its reason.

/**
 * A whole `baggage` header, all its lines together. W3C Baggage: 8192 is what every platform must propagate;
 * OpenTelemetry JS cuts there.
 */
export const HEADER_BYTES_MAX = 8192

/**
 * One member with its key. OpenTelemetry JS drops longer ones without a word, and its services sit between
 * ours.
 */
export const MEMBER_BYTES_MAX = 4096

/**
 * Members of one header. W3C asks for 64 at least, OpenTelemetry JS keeps 180: fewer would lose what they
 * carry.
 */
export const MEMBERS_MAX = 180

/**
 * List elements looked at, empty ones included, before a header is given up: `,,,,,` costs a sender one byte
 * an element. Four times MEMBERS_MAX: an honest sender with a few empty or oversized elements still gets
 * everything through.
 */
export const ELEMENTS_SCANNED_MAX = 4 * MEMBERS_MAX

/**
 * Lines of one header name from carriers that keep them apart. 80 lines of 8 KB were one CVE of 2026; 64
 * honest members fit in 64 lines.
 */
export const LINES_MAX = 64

/**
 * HMAC-SHA256 cut to 128 bits: nobody guesses 2^128, and RFC 2104 allows half the hash. 16 bytes = 22
 * characters of base64url, and the dot.
 */
export const MAC_BYTES = 16
export const MAC_SUFFIX_CHARS = 1 + 22

/**
 * The value of `crosscut-baggage`: the same as a member, so one budget decides what an answer may bring back.
 */
export const RETURN_CHARS_MAX = MEMBER_BYTES_MAX

/**
 * W3C Trace Context: 32 members, and at least 512 characters are to be propagated; members above 128 go first
 * when it is too long.
 */
export const TRACESTATE_MEMBERS_MAX = 32
export const TRACESTATE_CHARS_MAX = 512
export const TRACESTATE_LONG_MEMBER_CHARS = 128
/** What is looked at of a hostile tracestate: 32 members of 256 + 1 + 256 characters, with separators. */
export const TRACESTATE_SCANNED_MAX = 32 * 514

/**
 * Destinations whose verdict is remembered; an application talks to few hosts, one that does not pays the
 * rules again. 1,024 x ~100 B.
 */
export const HOSTS_REMEMBERED_MAX = 1024
/** Rules in CROSSCUT_TRUST or CROSSCUT_EGRESS: each is a check per new peer. */
export const RULES_MAX = 256

/**
 * The mailbox between a process and its workers: slots for messages that were posted and not yet delivered. A
 * queue deeper than MAILBOX_SLOTS loses the baggage of its oldest messages (counted), never mixes them up.
 * Memory: 128 x (4096 + 96 + header) = 0.5 MB, untouched pages are never resident.
 */
export const MAILBOX_SLOTS = 128
export const MAILBOX_BAGGAGE_BYTES_MAX = MEMBER_BYTES_MAX

/**
 * Scopes that posted a message to a worker and may get an answer: beyond, the oldest question's answer begins
 * an execution of its own.
 */
export const SCOPES_REMEMBERED_MAX = 1024

/** Texts whose baggage is kept for the next request that brings them; 64 x a header of 8 KB at most. */
export const RECENT_TEXTS = 64
export const RECENT_TEXT_CHARS_MAX = 512

/**
 * From here on Node's coder of base64url is the quicker one: 64 characters take ours 185 ns and Node's 207,
 * 96 take 504 and 241, 1,387 take 4,010 and 430.
 */
export const NATIVE_TEXT_CHARS = 88
