// When a trace is due: for its summary, and for its rows in datasets. Settings of the server.
//
//   first span .... root ... last span --idleMs--> due      again for each late span, as a new version
//   first span .... last span (no root) --rootlessIdleMs--> due
//   first span --firstMs--> due, quiet or not --againMs--> due, if there were spans since --againMs--> ...
//
// Source: Canopy 4.2, whose triggers wait ten minutes: rows that are corrected need not.

export type Triggers = {
  /** Quiet for so long, its root seen. Units: ms, as all here. */
  readonly idleMs: number
  /** Quiet for so long, its root not seen. */
  readonly rootlessIdleMs: number
  /** So long after its first span, also when it is not quiet. */
  readonly firstMs: number
  /** Each time it is so much older than when it was due last, also when it is not quiet. */
  readonly againMs: number
}

/**
 * Exporters of one request flush within a second of each other; a root may come a little later than the rest.
 * Sealing (500 ms), this and the insert stay within 3 s from request to search.
 */
export const DEFAULT_TRIGGERS: Triggers = {
  idleMs: 800,
  rootlessIdleMs: 1_200,
  firstMs: 10_000,
  againMs: 10_000,
}
