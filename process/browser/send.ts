// Away with it. A page that stays uses fetch; one that goes, what outlives it: a beacon to its own origin,
// to others a fetch that is kept alive. (A beacon sends cookies, and JSON with cookies to another origin
// needs an ingest that allows them, which ours does not.) No retry: the next page matters more.

export type Destination = {
  readonly url: string
  /** Of this page's own origin only. */
  readonly beacon: ((body: Blob) => boolean) | undefined
}

/** Never throws and never rejects; what is refused is lost. */
export function send(bodies: readonly string[], { url, beacon }: Destination, isLeaving: boolean): void {
  for (const body of bodies) {
    const isTaken = isLeaving && beacon?.(new Blob([body], { type: 'application/json' })) === true
    if (isTaken) continue
    fetch(url, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
      credentials: 'omit',
      referrerPolicy: 'no-referrer',
      keepalive: isLeaving,
    }).catch(() => undefined)
  }
}
