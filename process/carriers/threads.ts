// Worker threads: under construction in this commit, replaced by the mailbox.
import type { Wire } from './wire.ts'

export function installThreads(_wire: Wire): () => void {
  return () => {}
}
