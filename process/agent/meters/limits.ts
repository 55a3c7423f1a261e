// Every bound of the meters, with its reason.

/** Executions that used something before anybody said for whom: 100 B each, 1 MB. The oldest is given up. */
export const UNNAMED_MAX = 10_000
/**
 * Whoever has not been named by then will not be: it is charged to nobody. Most requests are named in their
 * first turn.
 */
export const UNNAMED_MS_MAX = 5_000
/** Uses that one execution may owe before it is named; what comes beyond is charged to nobody at once. */
export const UNNAMED_USES_MAX = 16

/** A table of workflows that is full begins anew with the busiest, at most this often (usage.ts). */
export const RENEW_MS_MIN = 60_000
/** ... when so much of what was used went to those without a column. */
export const RENEW_OTHERS_PART = 0.1
/** ... and then so many places are kept by those that used most: the rest is free for whoever comes. */
export const RENEW_KEPT_PART = 0.5

/** Members of a batch that are told apart: beyond, those with the smallest shares are one. */
export const BATCH_MEMBERS_MAX = 16

/**
 * How often it is decided for how long CPU is looked at: two such periods a report. Each begins and ends with
 * hooks put on and taken off, and what is in the middle of a callback then is nobody's.
 */
export const CPU_PERIOD_MS = 500
/**
 * Of the CPU time of this process, what looking may take: a sixth of the 3 % that metering has, of which the
 * rest is a request's own: its head and frame, gates, bytes, reports.
 */
export const CPU_BUDGET = 0.005
/**
 * What one look costs at 300 requests a second: Node's call of the hook and what it passes through, the
 * frame, now and then a clock (12 us for the 14 looks of a request, by perf).
 */
export const CPU_LOOK_NS = 900
/** However dear it is, so much of the time is looked at. */
export const CPU_DUTY_MIN = 0.05
/** Looks in one period: where so many come they are quick, and this is 4 to 10 ms of our own time. */
export const CPU_LOOKS_MAX = 40_000
/** CPU is divided by what was seen; before so much was seen, it waits for more. */
export const CPU_SEEN_MS_MIN = 5
/** ... but not longer than this. */
export const CPU_WAIT_MS_MAX = 10_000
/** Callbacks inside callbacks; deeper ones are charged to the outermost of them. */
export const CPU_DEPTH_MAX = 64

/** Origins that are called and told apart; most services call some. Others are one pool. */
export const ORIGINS_MAX = 12

/** Threads of libuv when UV_THREADPOOL_SIZE says nothing, and as many as it makes at most. */
export const THREADS_DEFAULT = 4
export const THREADS_MAX = 1_024
/** Requests of the thread pool that are followed at once: 150 B each, 1.5 MB. Others are not measured. */
export const THREAD_REQUESTS_MAX = 10_000
/** Retro's example of a request that met the disk and not a cache (4.2): what a seek takes. */
export const DISK_SEEK_MS = 5
/** ... and what a disk moves at least: 120 MB/s (its published code takes quicker reads for cached). */
export const DISK_BYTES_PER_MS = 120_000
