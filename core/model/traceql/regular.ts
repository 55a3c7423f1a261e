// Regular expressions in linear time: a text of n characters costs at most n times the steps of the pattern,
// whatever the pattern. JavaScript's own backtrack: `(a+)+b` on forty letters never ends.
//
//   pattern --parse--> node --compile--> steps (any, class, split, jump, assert) --run--> all threads at once
//
// The part of RE2's syntax that matching needs: . [..] \d \w \s \b (..) (?:..) (?i) | * + ? {n,m} ^ $ and
// escapes; back references and look-around do not exist there either. A match is of the whole text.
// Sources: Thompson 1968; Cox, "Regular Expression Matching: the Virtual Machine Approach"; RE2 syntax.

import { MATCH_CHARS_MAX, PATTERN_CHARS_MAX, PATTERN_STEPS_MAX, PATTERN_STEPS_TOTAL_MAX } from './limits.ts'

export type Regular = {
  /** Whether the whole text matches; false also where `cost` goes beyond PATTERN_STEPS_TOTAL_MAX. */
  matches(text: string, cost?: { steps: number }): boolean
  /** The texts, where the pattern is only a choice of those. */
  readonly words: readonly string[] | undefined
}

/** Errors: PatternError. */
export function compileRegular(pattern: string): Regular {
  const words = wordsOf(pattern)
  if (words !== undefined) {
    const known = new Set(words)
    return { words, matches: (text) => known.has(text) }
  }
  if (pattern.length > PATTERN_CHARS_MAX)
    throw new PatternError(`a pattern may have ${PATTERN_CHARS_MAX} characters`)
  const program = new Compiler(new Parser(pattern).parse()).steps
  return { words: undefined, matches: (text, cost = { steps: 0 }) => run(program, text, cost) }
}

export class PatternError extends Error {
  override readonly name = 'PatternError'
}

function wordsOf(pattern: string): readonly string[] | undefined {
  return /[\\^$.*+?()[\]{}]/.test(pattern) ? undefined : pattern.split('|')
}

type CharTest = (code: number) => boolean
type Node =
  | { readonly kind: 'empty' }
  | { readonly kind: 'char'; readonly test: CharTest }
  | { readonly kind: 'assert'; readonly what: Assertion }
  | { readonly kind: 'all' | 'one'; readonly of: readonly Node[] }
  | { readonly kind: 'repeat'; readonly of: Node; readonly min: number; readonly max: number }
type Assertion = 'begin' | 'end' | 'boundary' | 'inside'

const NESTING_MAX = 100

class Parser {
  readonly #chars: readonly string[]
  #at = 0
  #depth = 0
  #isCaseless = false
  #isDotAll = false

  constructor(pattern: string) {
    this.#chars = [...pattern]
  }

  parse(): Node {
    const node = this.#choice()
    if (this.#at < this.#chars.length) throw new PatternError('a ) closes nothing')
    return node
  }

  #choice(): Node {
    if (++this.#depth > NESTING_MAX) throw new PatternError('the groups are nested too deeply')
    const choices = [this.#sequence()]
    while (this.#take('|')) choices.push(this.#sequence())
    this.#depth--
    return choices.length === 1 ? choices[0]! : { kind: 'one', of: choices }
  }

  #sequence(): Node {
    const parts: Node[] = []
    while (this.#at < this.#chars.length && !/^[|)]$/.test(this.#chars[this.#at]!))
      parts.push(this.#repeated(this.#atom()))
    return parts.length === 1 ? parts[0]! : { kind: 'all', of: parts }
  }

  #repeated(atom: Node): Node {
    let node = atom
    for (;;) {
      const bounds = this.#bounds()
      if (bounds === undefined) return node
      this.#take('?')
      node = { kind: 'repeat', of: node, ...bounds }
    }
  }

  #bounds(): { readonly min: number; readonly max: number } | undefined {
    if (this.#take('*')) return { min: 0, max: Infinity }
    if (this.#take('+')) return { min: 1, max: Infinity }
    if (this.#take('?')) return { min: 0, max: 1 }
    const rest = this.#chars.slice(this.#at, this.#at + 16).join('')
    const [all, low, comma, high] = /^\{(\d{1,4})(,(\d{0,4}))?\}/.exec(rest) ?? []
    if (all === undefined) return undefined
    this.#at += all.length
    const min = Number(low)
    const max = comma === undefined ? min : high === '' ? Infinity : Number(high)
    if (max < min || min > 1000 || (max > 1000 && max !== Infinity))
      throw new PatternError(`${all} is not a number of times (at most 1000)`)
    return { min, max }
  }

  #atom(): Node {
    const char = this.#chars[this.#at++]!
    switch (char) {
      case '.':
        return { kind: 'char', test: this.#isDotAll ? () => true : (code) => code !== 10 }
      case '^':
        return { kind: 'assert', what: 'begin' }
      case '$':
        return { kind: 'assert', what: 'end' }
      case '(':
        return this.#group()
      case '[':
        return { kind: 'char', test: this.#set() }
      case '\\':
        return this.#escape()
      case '*':
      case '+':
      case '?':
        throw new PatternError(`nothing to repeat before ${char}`)
      default:
        return this.#literal(char)
    }
  }

  #group(): Node {
    const outer = [this.#isCaseless, this.#isDotAll] as const
    if (this.#take('?')) {
      const flags = /^(P?<[A-Za-z_]\w*>|[is-]*[:)])/.exec(
        this.#chars.slice(this.#at, this.#at + 64).join(''),
      )?.[0]
      if (flags === undefined) throw new PatternError('this kind of group is not known')
      this.#at += flags.length
      this.#setFlags(flags)
      // (?i) by itself holds for the rest of the group around it.
      if (flags.endsWith(')')) return { kind: 'empty' }
    }
    const node = this.#choice()
    if (!this.#take(')')) throw new PatternError('a ( is not closed')
    ;[this.#isCaseless, this.#isDotAll] = outer
    return node
  }

  #setFlags(flags: string): void {
    if (flags.includes('<')) return
    const [on = '', off = ''] = flags.slice(0, -1).split('-')
    if (on.includes('i')) this.#isCaseless = true
    if (on.includes('s')) this.#isDotAll = true
    if (off.includes('i')) this.#isCaseless = false
    if (off.includes('s')) this.#isDotAll = false
  }

  #escape(): Node {
    const char = this.#chars[this.#at++]
    if (char === undefined) throw new PatternError('the pattern ends in a \\')
    if (char === 'b' || char === 'B') return { kind: 'assert', what: char === 'b' ? 'boundary' : 'inside' }
    if (char === 'A' || char === 'z') return { kind: 'assert', what: char === 'A' ? 'begin' : 'end' }
    const known = CLASSES[char]
    if (known !== undefined) return { kind: 'char', test: known }
    return this.#literal(this.#escaped(char))
  }

  /** The character that `\char` is. */
  #escaped(char: string): string {
    const control = CONTROLS[char]
    if (control !== undefined) return control
    if (char === 'x') {
      const digits = /^([0-9a-fA-F]{2}|\{[0-9a-fA-F]{1,6}\})/.exec(
        this.#chars.slice(this.#at, this.#at + 8).join(''),
      )?.[0]
      const code = Number.parseInt(digits?.replace(/[{}]/g, '') ?? '', 16)
      if (digits === undefined || code > 0x10ffff)
        throw new PatternError('\\x needs two hex digits, or {...}')
      this.#at += digits.length
      return String.fromCodePoint(code)
    }
    if (/[A-Za-z0-9]/.test(char)) throw new PatternError(`\\${char} is not known`)
    return char
  }

  #literal(char: string): Node {
    const code = char.codePointAt(0)!
    if (!this.#isCaseless) return { kind: 'char', test: (other) => other === code }
    return { kind: 'char', test: caseless((other) => other === code) }
  }

  #set(): CharTest {
    const isNegated = this.#take('^')
    const tests: CharTest[] = []
    for (let isFirst = true; ; isFirst = false) {
      const char = this.#chars[this.#at++]
      if (char === undefined) throw new PatternError('a [ is not closed')
      if (char === ']' && !isFirst) break
      tests.push(this.#member(char))
    }
    const within: CharTest = (code) => tests.some((test) => test(code))
    const test = this.#isCaseless ? caseless(within) : within
    return isNegated ? (code) => !test(code) : test
  }

  #member(char: string): CharTest {
    if (char === '[' && this.#chars[this.#at] === ':') return this.#posix()
    if (char === '\\') {
      const known = CLASSES[this.#chars[this.#at] ?? '']
      if (known !== undefined) {
        this.#at++
        return known
      }
    }
    const low = this.#one(char)
    if (this.#chars[this.#at] !== '-' || this.#chars[this.#at + 1] === ']') return (code) => code === low
    this.#at++
    const high = this.#one(this.#chars[this.#at++] ?? '')
    if (high < low) throw new PatternError('a range in [] runs backwards')
    return (code) => code >= low && code <= high
  }

  #one(char: string): number {
    const next = char === '\\' ? this.#escaped(this.#chars[this.#at++] ?? '') : char
    const code = next.codePointAt(0)
    if (code === undefined) throw new PatternError('a [ is not closed')
    return code
  }

  #posix(): CharTest {
    const [all, not, name = ''] =
      /^:(\^?)([a-z]+):\]/.exec(this.#chars.slice(this.#at, this.#at + 16).join('')) ?? []
    const test = POSIX[name]
    if (all === undefined || test === undefined)
      throw new PatternError('this class of characters is not known')
    this.#at += all.length
    return not === '' ? test : (code) => !test(code)
  }

  #take(char: string): boolean {
    if (this.#chars[this.#at] !== char) return false
    this.#at++
    return true
  }
}

const within =
  (ranges: string): CharTest =>
  (code) => {
    for (let i = 0; i < ranges.length; i += 2)
      if (code >= ranges.charCodeAt(i) && code <= ranges.charCodeAt(i + 1)) return true
    return false
  }
const not =
  (test: CharTest): CharTest =>
  (code) =>
    !test(code)
const isDigit = within('09')
const isWord = within('09AZaz__')
const isSpace: CharTest = (code) => code === 32 || (code >= 9 && code <= 13 && code !== 11)
const CLASSES: { readonly [name: string]: CharTest | undefined } = {
  d: isDigit,
  D: not(isDigit),
  w: isWord,
  W: not(isWord),
  s: isSpace,
  S: not(isSpace),
}
const POSIX: { readonly [name: string]: CharTest | undefined } = {
  alnum: within('09AZaz'),
  alpha: within('AZaz'),
  digit: isDigit,
  lower: within('az'),
  upper: within('AZ'),
  space: (code) => code === 32 || (code >= 9 && code <= 13),
  word: isWord,
  xdigit: within('09AFaf'),
  punct: within('!/:@[`{~'),
}
const CONTROLS: { readonly [name: string]: string | undefined } = {
  n: '\n',
  r: '\r',
  t: '\t',
  f: '\f',
  v: '\v',
  a: '\u0007',
}

/** A test that holds for either case of a letter. */
const caseless =
  (test: CharTest): CharTest =>
  (code) => {
    if (test(code)) return true
    const char = String.fromCodePoint(code)
    return [char.toLowerCase(), char.toUpperCase()].some((other) => test(other.codePointAt(0)!))
  }

/** `to`, `or`: the next step; every other kind goes on to the step below it. */
type Step =
  | { readonly kind: 'char'; readonly test: CharTest }
  | { readonly kind: 'assert'; readonly what: Assertion }
  | { kind: 'jump'; to: number }
  | { kind: 'split'; to: number; or: number }
  | { readonly kind: 'match' }

class Compiler {
  readonly steps: Step[] = []

  constructor(root: Node) {
    this.#add(root)
    this.#push({ kind: 'match' })
  }

  #push<S extends Step>(step: S): S {
    if (this.steps.length >= PATTERN_STEPS_MAX) throw new PatternError('the pattern is too large')
    this.steps.push(step)
    return step
  }

  #add(node: Node): void {
    switch (node.kind) {
      case 'empty':
        return
      case 'char':
      case 'assert':
        return void this.#push(node)
      case 'all':
        return node.of.forEach((part) => this.#add(part))
      case 'one':
        return this.#addChoice(node.of)
      case 'repeat':
        return this.#addRepeat(node)
    }
  }

  #addChoice(choices: readonly Node[]): void {
    const jumps: { to: number }[] = []
    for (const [i, choice] of choices.entries()) {
      const isLast = i === choices.length - 1
      const split = isLast ? undefined : this.#push({ kind: 'split', to: this.steps.length + 1, or: 0 })
      this.#add(choice)
      if (!isLast) jumps.push(this.#push({ kind: 'jump', to: 0 }))
      if (split !== undefined) split.or = this.steps.length
    }
    for (const jump of jumps) jump.to = this.steps.length
  }

  #addRepeat({ of, min, max }: { readonly of: Node; readonly min: number; readonly max: number }): void {
    for (let i = 0; i < min; i++) this.#add(of)
    if (max === Infinity) {
      const begin = this.steps.length
      const split = this.#push({ kind: 'split', to: begin + 1, or: 0 })
      this.#add(of)
      this.#push({ kind: 'jump', to: begin })
      split.or = this.steps.length
      return
    }
    const splits: { or: number }[] = []
    for (let i = min; i < max; i++) {
      splits.push(this.#push({ kind: 'split', to: this.steps.length + 1, or: 0 }))
      this.#add(of)
    }
    for (const split of splits) split.or = this.steps.length
  }
}

/** Which steps are alive, each once; `mark` says in which round a step was added. */
function run(steps: readonly Step[], text: string, cost: { steps: number }): boolean {
  const marks = new Int32Array(steps.length).fill(-1)
  let alive: number[] = []
  let round = 0
  let before = -1
  const chars = [...(text.length > MATCH_CHARS_MAX ? text.slice(0, MATCH_CHARS_MAX) : text)]
  const codes = chars.map((char) => char.codePointAt(0)!)
  const follow = (start: number, into: number[], next: number): void => {
    const waiting = [start]
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
      if (marks[at] === round) continue
      marks[at] = round
      cost.steps++
      const step = steps[at]!
      if (step.kind === 'jump') waiting.push(step.to)
      else if (step.kind === 'split') waiting.push(step.or, step.to)
      else if (step.kind === 'assert') {
        if (holds(step.what, before, next)) waiting.push(at + 1)
      } else into.push(at)
    }
  }
  follow(0, alive, codes[0] ?? -1)
  for (const [i, code] of codes.entries()) {
    round++
    before = code
    const next: number[] = []
    for (const at of alive) {
      const step = steps[at]!
      if (step.kind === 'char' && step.test(code)) follow(at + 1, next, codes[i + 1] ?? -1)
    }
    cost.steps += alive.length
    alive = next
    if (alive.length === 0 || cost.steps > PATTERN_STEPS_TOTAL_MAX) return false
  }
  return alive.some((at) => steps[at]!.kind === 'match')
}

/** -1 = no character there. */
function holds(what: Assertion, before: number, next: number): boolean {
  if (what === 'begin') return before === -1
  if (what === 'end') return next === -1
  return (isWord(before) !== isWord(next)) === (what === 'boundary')
}
