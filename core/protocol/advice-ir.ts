// The instruction set of advice: what a tool does at a tracepoint, as data.
//
//   tracepoint hit ──► one row of slots, weight 1
//     observe, now, random, let     put values into slots of every row
//     unpack .. tuples              rows x tuples of the bag (none = no rows); weights multiply
//     filter                        drops rows
//     pack, set, increment, ..      write the execution's baggage          emit   counts rows into a result
//     act                           does something here: delay, reject, tag, ...
//
// Straight-line: no jump, no loop, no call. Rows are a bag: a row of weight 3 stands for three equal ones.
// What an instruction may cost is known before it runs (`#advice` verifies, then compiles to closures).
// Source: Pivot Tracing (SOSP'15) table 2, with multiplicities; DESIGN "a tool is schema + advice + policy".

/** What a slot may hold: all that can ride in baggage and stand in a result. Absent = null. */
export type Value = null | boolean | number | bigint | string | readonly Value[]

/**
 * A total expression over slots. As JSON: a constant is itself; `{ slot }`, `{ parameter }` and
 * `{ call, args }` are the rest. Null in, null out, unless the function says otherwise.
 */
export type Expression =
  | string
  | number
  | boolean
  | null
  | { readonly slot: string }
  | { readonly parameter: string }
  | { readonly call: FunctionName; readonly args: readonly Expression[] }

/** `and or not` are three-valued like SQL's; `eq ne` compare null as a value; order is within one type. */
export type FunctionName =
  | 'and'
  | 'or'
  | 'not'
  | 'eq'
  | 'ne'
  | 'lt'
  | 'le'
  | 'gt'
  | 'ge'
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'mod'
  | 'neg'
  | 'if'
  | 'coalesce'
  | 'abs'
  | 'floor'
  | 'ceil'
  | 'round'
  | 'length'
  | 'lower'
  | 'upper'
  | 'contains'
  | 'startsWith'
  | 'endsWith'
  | 'like'
  | 'bucket'
  | 'quantile'

/** Each has a mergeable state, itself a Value: see `#advice` aggregates. */
export type AggregateName = 'count' | 'sum' | 'min' | 'max' | 'average' | 'histogram' | 'distinct'

/**
 * What a column of an aggregation adds up for each row: a value, counted as often as the row weighs; or a
 * state that was folded further up and packed: slot `part`, standing for `of` (slot) tuples of its bag.
 * `{ fn: 'count', value: true }` counts rows.
 */
export type Fold =
  | { readonly fn: AggregateName; readonly value: Expression }
  | { readonly fn: AggregateName; readonly part: string; readonly of: string }

/** Of the events that packed, keep the first or last `count` in causal order, with all tuples of each. */
export type Keep = { readonly which: 'first' | 'recent'; readonly count: number }

export type Instruction =
  /** Reads exported variables of the tracepoint into slots of the same names. */
  | { readonly op: 'observe'; readonly vars: readonly string[] }
  /** Goes on only with rows for which this is true. */
  | { readonly op: 'filter'; readonly where: Expression }
  | { readonly op: 'let'; readonly slot: string; readonly value: Expression }
  /** Wall clock, ns since the epoch. */
  | { readonly op: 'now'; readonly slot: string }
  /** Uniform in [0, 1). */
  | { readonly op: 'random'; readonly slot: string }
  /** Reads a scalar field of a bag of this package's schema into a slot. */
  | { readonly op: 'unpack'; readonly bag: string; readonly field: string; readonly slot: string }
  /** Joins the tuples packed in a `set<bytes>` field: see `Tuples`. */
  | { readonly op: 'unpack'; readonly bag: string; readonly field: string; readonly tuples: Tuples }
  /** Packs all rows as tuples into a `set<bytes>` field, equal ones folded together. */
  | {
      readonly op: 'pack'
      readonly bag: string
      readonly field: string
      /** One column each; the unpacking side names them in this order, `parts` after them. */
      readonly columns: readonly Expression[]
      readonly parts: readonly Fold[]
      readonly keep?: Keep
    }
  /** field := slot. A slot without a value writes nothing. */
  | { readonly op: 'set'; readonly bag: string; readonly field: string; readonly slot: string }
  /** The bag holds this field only. */
  | { readonly op: 'replace'; readonly bag: string; readonly field: string; readonly slot: string }
  /** Counts a counter or pncounter up by the slot's whole number. */
  | { readonly op: 'increment'; readonly bag: string; readonly field: string; readonly slot: string }
  /** Removes the bag from this execution. */
  | { readonly op: 'drop'; readonly bag: string }
  /** Entry to exit of one invocation: the exit's advice observes it as `kept.<slot>`. */
  | { readonly op: 'keep'; readonly slot: string }
  /** Slot := whether field `mac` of the bag is the fleet's MAC of field `of`. */
  | {
      readonly op: 'verify'
      readonly bag: string
      readonly of: string
      readonly mac: string
      readonly slot: string
    }
  /** Groups the rows by `keys` into the result of this name. */
  | {
      readonly op: 'emit'
      readonly result: string
      readonly keys: readonly Expression[]
      readonly folds: readonly Fold[]
      /** Each group is told in this many reports, then forgotten: whoever reads them gathers them. */
      readonly forgetAfter?: number
    }
  | Act

/**
 * `columns`: slots for columns and parts, in the order they were packed; `weight`: slot for how many tuples
 * each one stands for. `outer`: an empty bag gives one tuple of nulls instead of no row.
 */
export type Tuples = {
  readonly columns: readonly string[]
  readonly weight: string
  readonly keep?: Keep
  readonly outer?: boolean
}

/** Something done here, once for the first row that is left; nothing where no row is. */
export type Act =
  /** Sets an attribute of the active span. */
  | { readonly op: 'act'; readonly act: 'tag'; readonly key: string; readonly slot: string }
  /** Sets the log level of this execution, for loggers that ask `logLevel()`. */
  | { readonly op: 'act'; readonly act: 'logLevel'; readonly slot: string }
  /** Waits this many ms; where a request arrives or a call leaves. */
  | { readonly op: 'act'; readonly act: 'delay'; readonly slot: string }
  /** Answers the request with this status; where it arrives only. */
  | { readonly op: 'act'; readonly act: 'reject'; readonly slot: string }
  /** An error with this message: in place of a function's body, or what a call that leaves fails with. */
  | { readonly op: 'act'; readonly act: 'fault'; readonly slot: string }
  /** Sends a call that leaves to this `host:port` instead. */
  | { readonly op: 'act'; readonly act: 'route'; readonly slot: string }
  /** Records this trace where the slot is true; what was chosen otherwise stays chosen. */
  | { readonly op: 'act'; readonly act: 'sample'; readonly slot: string }
  /** Attaches the values of these slots to the active span as an event. */
  | { readonly op: 'act'; readonly act: 'capture'; readonly slots: readonly string[] }
  /** Waits until the tool is released, this many ms at most; where a request arrives or a call leaves. */
  | { readonly op: 'act'; readonly act: 'hold'; readonly slot: string }

export type ActName = Act['act']

/** At one tracepoint, by its name or a pattern of names. */
export type Advice = {
  readonly tracepoint: string
  readonly instructions: readonly Instruction[]
  /** At a line: names of the texts that it is a line of; absent = whatever text is there. */
  readonly sources?: readonly string[]
}
