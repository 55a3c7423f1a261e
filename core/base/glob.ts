// `*` and `?` in a user's pattern, without regular expressions: no pattern can take for ever.
//
// Greedy with one step back: a star takes as little as it can, and only the last star ever takes more. That
// is enough, because what an earlier star could take, the last one can leave.

/** `*` = any run, `?` = any one character. Cost: O(text x pattern), no allocation. */
export function matchesGlob(text: string, pattern: string): boolean {
  let at = 0
  let wanted = 0
  let star = -1
  let taken = 0
  while (at < text.length) {
    const sign = pattern[wanted]
    if (sign === '*') {
      star = wanted++
      taken = at
    } else if (wanted < pattern.length && (sign === '?' || sign === text[at])) {
      at++
      wanted++
    } else if (star !== -1) {
      wanted = star + 1
      at = ++taken
    } else return false
  }
  while (pattern[wanted] === '*') wanted++
  return wanted === pattern.length
}
