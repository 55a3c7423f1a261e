// Every maximum of TypeScript feature files, with its reason.

/** A file that computes features is a page or two; what is longer brings a library along. */
export const FEATURE_FILE_BYTES_MAX = 128 * 1024

/**
 * CPU that a file may take on one trace before its thread is ended: a hundred times what counts as a strike
 * (JOB_MS_MAX in ../datasets/limits.ts), and as long as the largest trace takes that features look at.
 */
export const FILE_CPU_MS_MAX = 1_000
/** The same to load it: the first to import crosscut/traces reads some sixty files of ours. */
export const FILE_LOAD_CPU_MS_MAX = 5_000
/** Who waits takes no CPU (Atomics.wait); a busy machine stretches a second of CPU to some. */
export const FILE_WALL_MS_MAX = 15_000

/** Heap of the thread: the largest trace that features look at takes 100 MB. */
export const FILE_HEAP_MB_MAX = 256
/** Of the process: the heap, its young generation, Node itself, and as much again in buffers. */
export const FILE_RSS_BYTES_MAX = 768 * 1024 ** 2
/** Between looks at CPU and memory: a thread that fills buffers gets to 100 MB in that time. */
export const WATCH_MS = 20

/** Processes at once, one an owner; the one that waited longest makes room. 50 MB each at rest. */
export const FILE_HOSTS_MAX = 4
/** Of them at work at once: the thread that builds models wants a core too. */
export const FILE_HOSTS_RUNNING_MAX = 2
/** A process that has nothing to do goes. */
export const HOST_IDLE_MS = 60_000
/** Versions of files in one process: modules are never unloaded, so it is replaced then. */
export const HOST_PROGRAMS_MAX = 50
/** A process that does not even say that it ended something is killed. */
export const HOST_SILENCE_MS_MAX = 2 * FILE_WALL_MS_MAX

export const FAILURE_CHARS_MAX = 400
export const COLUMN_CHARS_MAX = 64
export const ELEMENT_CHARS_MAX = 64
