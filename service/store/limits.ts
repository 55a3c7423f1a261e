// Every maximum of store/, with its reason.

/** A query that takes longer has run away: interactive search answers in tens of ms, a full scan of 100 M rows in about 5 s. */
export const QUERY_MS_MAX = 15_000
