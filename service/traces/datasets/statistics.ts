// Is a difference more than chance: tests of two populations, and the correction for asking often.
//
// - categories: chi-square test of homogeneity over the values
// - numbers: two-sample Kolmogorov-Smirnov test, asymptotic, with Stephens' correction for small samples
// - many questions at once: Benjamini-Hochberg. Of what it lets through at q = 0.05, one in twenty is
// expected
//   to be chance, also where columns go up and down together. Holm (no chance find at all, with 95 %) was
//   rejected: among 60 columns of an incident it hides what somebody who explores wants to be shown.
// - weighted populations count as many observations as Kish's effective size says: (sum w)^2 / sum w^2.
//
// Sources: Press et al., Numerical Recipes 6.2 and 14.3; Benjamini and Hochberg 1995; Kish 1965.

/** Probability of a chi-square value at least so large. */
export function chiSquareTail(value: number, degrees: number): number {
  if (!(value > 0) || degrees <= 0) return 1
  return gammaUpper(degrees / 2, value / 2)
}

/** Regularized upper incomplete gamma function Q(a, x). */
function gammaUpper(a: number, x: number): number {
  const scale = Math.exp(-x + a * Math.log(x) - logGamma(a))
  if (x < a + 1) {
    // Series of P(a, x).
    let term = 1 / a
    let sum = term
    for (let n = 1; n < 1000 && Math.abs(term) > Math.abs(sum) * 1e-15; n++) {
      term *= x / (a + n)
      sum += term
    }
    return clamp(1 - sum * scale)
  }
  // Lentz's continued fraction of Q(a, x).
  const tiny = 1e-300
  let b = x + 1 - a
  let c = 1 / tiny
  let d = 1 / b
  let h = d
  for (let i = 1; i < 1000; i++) {
    const an = -i * (i - a)
    b += 2
    d = an * d + b
    if (Math.abs(d) < tiny) d = tiny
    c = b + an / c
    if (Math.abs(c) < tiny) c = tiny
    d = 1 / d
    const step = d * c
    h *= step
    if (Math.abs(step - 1) < 1e-15) break
  }
  return clamp(scale * h)
}

const LANCZOS = [
  676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059, 12.507343278686905,
  -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
]

function logGamma(z: number): number {
  if (z < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * z)) - logGamma(1 - z)
  const x = z - 1
  const t = x + 7.5
  const sum = LANCZOS.reduce((acc, factor, i) => acc + factor / (x + i + 1), 0.99999999999980993)
  return 0.5 * Math.log(2 * Math.PI) + (x + 0.5) * Math.log(t) - t + Math.log(sum)
}

/** Probability that two samples of one distribution are at least `distance` apart. */
export function kolmogorovTail(distance: number, sizeA: number, sizeB: number): number {
  const root = Math.sqrt((sizeA * sizeB) / (sizeA + sizeB))
  const lambda = (root + 0.12 + 0.11 / root) * distance
  if (!(lambda > 0.2)) return 1
  let sum = 0
  for (let k = 1; k <= 100; k++) {
    const term = Math.exp(-2 * k * k * lambda * lambda)
    sum += (k % 2 === 1 ? 2 : -2) * term
    if (term < 1e-16) break
  }
  return clamp(sum)
}

/**
 * Homogeneity of two populations over categories, from weights: as if each had as many observations as its
 * effective size.
 */
export function homogeneity(
  weights: readonly { readonly a: number; readonly b: number }[],
  sizes: { readonly a: number; readonly b: number },
): number {
  const totalA = weights.reduce((sum, { a }) => sum + a, 0)
  const totalB = weights.reduce((sum, { b }) => sum + b, 0)
  if (totalA === 0 || totalB === 0) return 1
  let value = 0
  let categories = 0
  for (const { a, b } of weights) {
    const countA = (a / totalA) * sizes.a
    const countB = (b / totalB) * sizes.b
    const both = countA + countB
    if (both === 0) continue
    categories++
    const expectedA = (both * sizes.a) / (sizes.a + sizes.b)
    const expectedB = both - expectedA
    value += (countA - expectedA) ** 2 / expectedA + (countB - expectedB) ** 2 / expectedB
  }
  return chiSquareTail(value, categories - 1)
}

/** q of each p, in the order given. */
export function benjaminiHochberg(ps: readonly number[]): number[] {
  const order = ps.map((_, index) => index).sort((a, b) => ps[b]! - ps[a]!)
  const qs = new Array<number>(ps.length)
  let least = 1
  order.forEach((index, place) => {
    least = Math.min(least, (ps[index]! * ps.length) / (ps.length - place))
    qs[index] = least
  })
  return qs
}

/** How many equal observations carry as much as these. */
export function effectiveSize(sum: number, sumOfSquares: number): number {
  return sumOfSquares > 0 ? (sum * sum) / sumOfSquares : 0
}

function clamp(p: number): number {
  return Math.min(1, Math.max(0, p))
}
