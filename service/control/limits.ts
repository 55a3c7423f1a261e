// Limits of control/, each with its reason.

/** Processes that report. 100,000 hostile ones would cost memory; beyond it new ones are not taken. */
export const PROCESSES_MAX = 4_000

/** Workflows of one report: what the agent keeps apart; the rest it reports as one (1,000 and "(other)"). */
export const REPORT_WORKFLOWS_MAX = 1_024

/** Resources and points of one report: pools, locks and origins of one process. */
export const REPORT_RESOURCES_MAX = 256
export const REPORT_POINTS_MAX = 64

/** Names are shown and kept; longer ones are refused with their report. */
export const NAME_LENGTH_MAX = 256

/** Without a report for so long a process is gone (Retro's repository: 5 s). */
export const PROCESS_SILENT_MS = 5_000

/** Reports are made about every second: shorter gaps measure noise, longer ones are averaged over this. */
export const REPORT_GAP_MS_MIN = 50
export const REPORT_GAP_MS_MAX = 60_000

/** Weight of what is new in the running average (Retro does not say; specs: 0.5). */
export const SMOOTHING = 0.5

/** No total is larger (a petabyte is 1e15 bytes): sums and products of such stay finite. */
export const TOTAL_MAX = 1e18

/** A running average below this is nothing: it would fall for ever without getting there. */
export const RATE_NONE = 1e-6

/** Settings live this long without being renewed: five reports. */
export const LEASE_MS = 5_000

/** No rate is ever below one passage in ten seconds: nobody is stuck, and what he does can still be seen. */
export const RATE_MIN = 0.1
export const RATE_MAX = 1e9

/** One decision halves a rate at most, so that one bad second does not stop a tenant. */
export const CUT_MIN = 0.5

/** A limit may stand at most so far above what passes: else it grows without end while it does not bind. */
export const HEADROOM_MAX = 2

/** A limit binds while more than this part of it is used; after so many steps without, it is lifted. */
export const BINDING_USE = 0.9
export const UNBOUND_STEPS_MAX = 10

/** A policy that throws so often in a row is stopped, and what it set is lifted. */
export const POLICY_ERRORS_MAX = 5

/**
 * What a policy in another process is shown: 64 resources of 1,000 tenants, as many as a policy of ours looks
 * into at a step; 64,000 numbers are 512 kB and are copied in a millisecond.
 */
export const PICTURE_CELLS_MAX = 64_000
/** More tenants than any process keeps apart (256), four times over. */
export const PICTURE_WORKFLOWS_MAX = 1_024
/** What it may set in a step: a rate for each cell. */
export const WISHES_MAX = PICTURE_CELLS_MAX

/** Decisions that are kept for people: an hour of one policy that changes ten things a second. */
export const DECISIONS_MAX = 36_000

/** Decisions that go the same way with no longer pause are told as one. */
export const EPISODE_GAP_MS_MAX = 5_000

/**
 * Ten minutes of every second step: long enough to look back at an incident. 300 samples of 12 tenants (three
 * numbers) and 12 resources are 15,000 numbers, 70 kB of JSON.
 */
export const HISTORY_SAMPLES_MAX = 300
export const HISTORY_STEPS_PER_SAMPLE = 2
export const HISTORY_NAMES_MAX = 12
