// Nanoseconds to pixels and back. The subtraction happens in bigint, so the position of a microsecond inside
// a trace of a day is as exact as that of an hour; only the small difference becomes a float.

import { WINDOW_NS_MIN } from './limits.ts'

export type TimeWindow = { readonly startNs: bigint; readonly endNs: bigint }

export type TimeScale = TimeWindow & {
  readonly left: number
  readonly width: number
  readonly pixelsPerNs: number
}

export function timeScale(window: TimeWindow, left: number, width: number): TimeScale {
  const spanNs = window.endNs > window.startNs ? window.endNs - window.startNs : 1n
  return { ...window, left, width, pixelsPerNs: width / Number(spanNs) }
}

/** x of an instant. Units: ns since the epoch -> CSS px. */
export function toPixel(scale: TimeScale, ns: bigint): number {
  return scale.left + Number(ns - scale.startNs) * scale.pixelsPerNs
}

/** The instant at x, rounded to a ns. */
export function toNs(scale: TimeScale, x: number): bigint {
  return scale.startNs + BigInt(Math.round((x - scale.left) / scale.pixelsPerNs))
}

/** The window scaled by factor (< 1 = closer) around an instant that keeps its place, inside the bounds. */
export function zoomWindow(
  window: TimeWindow,
  bounds: TimeWindow,
  factor: number,
  aroundNs: bigint,
): TimeWindow {
  const before = scaleBy(aroundNs - window.startNs, factor)
  const after = scaleBy(window.endNs - aroundNs, factor)
  return clampWindow({ startNs: aroundNs - before, endNs: aroundNs + after }, bounds)
}

/** The window moved by ns, stopping at the bounds with its width kept. */
export function panWindow(window: TimeWindow, bounds: TimeWindow, byNs: bigint): TimeWindow {
  const lowest = bounds.startNs - window.startNs
  const highest = bounds.endNs - window.endNs
  const by = byNs < lowest ? lowest : byNs > highest ? highest : byNs
  return { startNs: window.startNs + by, endNs: window.endNs + by }
}

/** The nearest window inside the bounds that is not shorter than the limit. */
export function clampWindow(window: TimeWindow, bounds: TimeWindow): TimeWindow {
  let startNs = max(window.startNs, bounds.startNs)
  let endNs = min(window.endNs, bounds.endNs)
  if (endNs - startNs < WINDOW_NS_MIN) {
    const middle = (startNs + endNs) / 2n
    startNs = max(middle - WINDOW_NS_MIN / 2n, bounds.startNs)
    endNs = startNs + WINDOW_NS_MIN
  }
  return { startNs, endNs }
}

/**
 * Instants for grid lines at 1, 2 or 5 times a power of ten ns after the origin, at least minPixels apart.
 */
export function ticks(
  scale: TimeScale,
  originNs: bigint,
  minPixels: number,
): { readonly stepNs: bigint; readonly atNs: bigint[] } {
  const stepNs = niceStep(minPixels / scale.pixelsPerNs)
  const atNs: bigint[] = []
  let at = originNs + ceilDiv(scale.startNs - originNs, stepNs) * stepNs
  for (; at <= scale.endNs && atNs.length < 200; at += stepNs) atNs.push(at)
  return { stepNs, atNs }
}

/** ms between the marks of a clock: what people count in. */
const CLOCK_STEPS_MS: readonly number[] = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 15, 30].map((seconds) => seconds * 1e3),
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * 60e3),
  ...[1, 2, 3, 6, 12].map((hours) => hours * 3600e3),
  ...[1, 2, 7, 14, 28].map((days) => days * 86_400e3),
]

/**
 * Round times of day inside the window, at least minPixels apart. utcOffsetMs: what the reader's clock is
 * ahead of UTC, so that marks fall on the reader's midnight.
 */
export function clockTicks(
  scale: TimeScale,
  minPixels: number,
  utcOffsetMs: number,
): { readonly stepMs: number; readonly atNs: bigint[] } {
  const wantedMs = minPixels / scale.pixelsPerNs / 1e6
  const stepMs = CLOCK_STEPS_MS.find((step) => step >= wantedMs) ?? CLOCK_STEPS_MS.at(-1)!
  const stepNs = BigInt(stepMs) * 1_000_000n
  const offsetNs = BigInt(utcOffsetMs) * 1_000_000n
  const atNs: bigint[] = []
  let at = ceilDiv(scale.startNs + offsetNs, stepNs) * stepNs - offsetNs
  for (; at <= scale.endNs && atNs.length < 200; at += stepNs) atNs.push(at)
  return { stepMs, atNs }
}

function niceStep(atLeastNs: number): bigint {
  let power = 1n
  while (Number(power) * 10 <= atLeastNs) power *= 10n
  for (const times of [1n, 2n, 5n]) if (Number(power * times) >= atLeastNs) return power * times
  return power * 10n
}

function ceilDiv(a: bigint, b: bigint): bigint {
  return a >= 0n ? (a + b - 1n) / b : -(-a / b)
}

/** ns times a float, exact to 1e-9: a bigint cannot be multiplied by a fraction directly. */
function scaleBy(ns: bigint, factor: number): bigint {
  return (ns * BigInt(Math.round(factor * 1e9))) / 1_000_000_000n
}

const max = (a: bigint, b: bigint): bigint => (a > b ? a : b)
const min = (a: bigint, b: bigint): bigint => (a < b ? a : b)
