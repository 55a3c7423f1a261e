// The oracle of the model test: an explicit graph of events, built by the interpreter while a program runs,
// that knows nothing of hooks, frames or baggage.
//
//   thread A   o--pack 1--o------------await B------o  knows {1, 2}: everything from which a path leads here
//                         \                        /
//   thread B               o--------pack 2--------o
//
// A thread is one line of control of one execution. Its `at` is its newest event. Events never change.

export type Event = { readonly before: readonly Event[]; readonly label: bigint; readonly knows: bigint }

const start: Event = { before: [], label: 0n, knows: 0n }

function event(before: readonly Event[], label = 0n): Event {
  return { before, label, knows: before.reduce((all, one) => all | one.knows, label) }
}

/** An execution of the oracle: joins stay inside. */
export type OracleExecution = { readonly name: number }

export class Thread {
  readonly execution: OracleExecution
  at: Event

  constructor(execution: OracleExecution, at: Event = start) {
    this.execution = execution
    this.at = at
  }

  /** Something was packed at this point. */
  pack(bit: number): void {
    this.at = event([this.at], 1n << BigInt(bit))
  }

  /** A line of control that begins here; what it does later is not seen by this one. */
  fork(execution: OracleExecution = this.execution): Thread {
    return new Thread(execution, this.at)
  }

  /** This thread went on only after that event. */
  after(other: Event): void {
    if (other !== this.at) this.at = event([this.at, other])
  }
}
