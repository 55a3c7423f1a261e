// Bounds of a tool package. Together they bound what one request can be made to pay.

/** Units an advice may cost; one unit is about 50 ns, so at most ~10 us a run. */
export const COST_MAX = 200
export const INSTRUCTIONS_MAX = 64
/** Tracepoints of one package. */
export const ADVICE_MAX = 32
export const PARAMETERS_MAX = 64
export const NAME_LENGTH_MAX = 128
/** A constant travels in baggage with each request: 1 kB is a quarter of what fits the header. */
export const TEXT_LENGTH_MAX = 1024
export const SCHEMA_LENGTH_MAX = 16 * 1024
