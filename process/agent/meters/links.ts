// How busy the links of this machine are: what the slowdown of the network follows from (Retro 4.2, M/M/1),
// for nobody can see what a packet waits.
//
//   /proc/net/dev               bytes of each link, in and out ─┬─► part in use of the busiest link, in its
//   /sys/class/net/LINK/speed   or CROSSCUT_LINK_MBITS         ─┘    busier direction
//
// Of the machine, not of this process: others on the link are in the way as well. Where the system says no
// speed, as for most virtual links, and nobody else does, it is not known. Linux only.

type Parts = {
  /** Of every link; undefined = what the system says. */
  readonly mbits: number | undefined
  readonly nowMs: () => number
  /** A small file of the kernel's; throws where there is none. */
  readonly read: (path: string) => string
}

type Bytes = readonly [received: number, sent: number]

export class Links {
  readonly #parts: Parts
  readonly #speeds = new Map<string, number | undefined>()
  #before: ReadonlyMap<string, Bytes> = new Map()
  #beforeMs = 0

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** 0 to 1, since it was last asked; undefined = not known. Never throws. */
  utilisation(): number | undefined {
    const nowMs = this.#parts.nowMs()
    const now = this.#bytes()
    let busiest: number | undefined
    for (const [link, bytes] of now) {
      const used = this.#used(link, bytes, nowMs - this.#beforeMs)
      if (used !== undefined) busiest = Math.max(busiest ?? 0, used)
    }
    this.#before = now
    this.#beforeMs = nowMs
    return busiest
  }

  #used(link: string, [received, sent]: Bytes, ms: number): number | undefined {
    const before = this.#before.get(link)
    const bytesPerMs = this.#speedOf(link)
    if (before === undefined || bytesPerMs === undefined || !(ms > 0)) return undefined
    const most = Math.max(0, received - before[0], sent - before[1])
    return Math.min(1, most / (ms * bytesPerMs))
  }

  #bytes(): Map<string, Bytes> {
    const bytes = new Map<string, Bytes>()
    for (const line of this.#lines('/proc/net/dev').slice(2)) {
      const [link = '', counts = ''] = line.split(':', 2)
      const columns = counts.trim().split(/\s+/).map(Number)
      const name = link.trim()
      if (name !== '' && name !== 'lo') bytes.set(name, [columns[0] ?? 0, columns[8] ?? 0])
    }
    return bytes
  }

  /** Bytes a ms. */
  #speedOf(link: string): number | undefined {
    if (!this.#speeds.has(link)) {
      const mbits = this.#parts.mbits ?? Number(this.#lines(`/sys/class/net/${link}/speed`)[0])
      this.#speeds.set(link, mbits > 0 ? mbits * BYTES_PER_MS : undefined)
    }
    return this.#speeds.get(link)
  }

  #lines(path: string): readonly string[] {
    try {
      return this.#parts.read(path).split('\n')
    } catch {
      return []
    }
  }
}

/** Of one Mbit/s. */
const BYTES_PER_MS = 125
