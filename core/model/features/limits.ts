// Limits of the feature language, each with its reason. Any text is parsed in bounded time and depth; any
// program does bounded work on any trace.

/** 300 features of 200 characters are 60 kB; twice that, so that nobody who writes by hand meets it. */
export const FEATURE_CHARS_MAX = 128 * 1024

/** Nesting of parentheses and arguments: the parser recurses, and 64 levels fit any stack. */
export const FEATURE_NESTING_MAX = 64

/**
 * Stages one after the other, through bindings too: closures call their input, so a chain is as deep as it is
 * long. About four frames a stage, and ten thousand fit the smallest stack we run on.
 */
export const FEATURE_DEPTH_MAX = 256

/** Columns of one program. Canopy had 2,852 in 45 datasets; 300 features a trace is the most we promise. */
export const FEATURE_COLUMNS_MAX = 1_000

/** Distinct steps of a program, after equal ones are shared. */
export const FEATURE_NODES_MAX = 20_000

/**
 * Steps over elements that one program may take on one trace. A step is 50 to 200 ns (a comparison, a label
 * of one of 100,000 spans, its share of a sort): one or two seconds at the very most, and, since what is kept
 * is an element a step at most, 80 MB. 60 features that each look at every block of a trace of 100,000 spans
 * take 3 M steps and 0.3 s, 300 take 5 M. CPU time of an owner over many traces is bounded by who runs
 * programs.
 */
export const FEATURE_WORK_MAX = 10_000_000

/** Rows of one trace; a dataset of elements is not a copy of the traces. */
export const FEATURE_ROWS_MAX = 100_000

/** What a row may hold of one text, and of one list of texts. Longer ones are cut, and counted. */
export const FEATURE_TEXT_CHARS_MAX = 4_096
export const FEATURE_LIST_LENGTH_MAX = 1_000

/** Offered to an editor at once. */
export const COMPLETIONS_MAX = 200

/** A condition is a few lines; its parser looks ahead for the last of them, so it gets less. */
export const FILTER_CHARS_MAX = 16 * 1024
