// Two ways to send requests: as many as are answered (closed loop), or when they are due whatever happens
// (open loop).

type Send = () => Promise<void>

/** `width` at a time for `ms`; gives how many were answered, and in how many ms. */
export async function saturate(
  ms: number,
  width: number,
  send: Send,
): Promise<{ readonly answered: number; readonly ms: number }> {
  const startMs = performance.now()
  let answered = 0
  const client = async (): Promise<void> => {
    while (performance.now() - startMs < ms) {
      await send()
      answered += 1
    }
  }
  await Promise.all(Array.from({ length: width }, client))
  return { answered, ms: performance.now() - startMs }
}

/** `perSecond` a second for `ms`; gives how many were answered. */
export async function pace(ms: number, perSecond: number, send: Send): Promise<number> {
  const startMs = performance.now()
  const pending: Promise<void>[] = []
  for (let elapsed = 0; elapsed < ms; elapsed = performance.now() - startMs) {
    for (const due = Math.floor((elapsed * perSecond) / 1000); pending.length < due;) pending.push(send())
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  await Promise.all(pending)
  return pending.length
}
