// What a datanode counts of itself, as any server does.

import type { Truth } from './truth.ts'

export class DataNodeMetrics {
  readonly #truth: Truth
  bytesRead = 0

  constructor(truth: Truth) {
    this.#truth = truth
  }

  incrBytesRead(delta: number, rid: string): void {
    this.bytesRead += delta
    this.#truth.tally('bytesRead', rid, delta)
  }
}
