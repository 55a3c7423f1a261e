// Every bound of weaving, with its reason.

/** Text of one module: parsing takes ~100 ms a MB, before the module can run. Larger: loaded as it is. */
export const SOURCE_CHARS_MAX = 2 * 1024 * 1024
/** Functions of one process: 10,000 names of 60 bytes are the 600 kB of a hello that the server takes. */
export const FUNCTIONS_MAX = 9000
/** Nested functions, calls, expressions: the walk over a tree is recursive. */
export const DEPTH_MAX = 400
/** Of a function's path in its file: the server takes names of 256 characters. */
export const NAME_CHARS_MAX = 160
/** Variables a function exports of its own. */
export const PARAMS_MAX = 32
/** Clones of one module, one for each set of probes wanted of a function; then they are made anew. */
export const CLONES_MAX = 16
/** A source map of the largest module is some times its text. */
export const SOURCE_MAP_CHARS_MAX = 16 * 1024 * 1024
