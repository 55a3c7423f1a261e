// Loaded before everything else in a process whose clock shall be wrong: wall time is shifted by
// SHELF_SKEW_MS, durations stay right, just as on a host whose clock was set wrong.

const skewMs = Number(process.env.SHELF_SKEW_MS ?? 0)
const RealDate = Date
const realNow = Date.now.bind(Date)

class SkewedDate extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(realNow() + skewMs)
    else super(...args)
  }

  static now() {
    return realNow() + skewMs
  }
}

if (skewMs !== 0) {
  globalThis.Date = SkewedDate
  const { timeOrigin } = performance
  Object.defineProperty(performance, 'timeOrigin', { value: timeOrigin + skewMs, configurable: true })
}
