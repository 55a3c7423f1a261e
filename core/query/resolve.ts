// Gives names their meaning: sources, variables, Lets, views. Reports all it finds, in the text where it
// stands.
//
//   e.host     variable host of source e             lat      the only column of view lat, or a Let
//   host       variable of the root, where From has no alias

import { NAME_LENGTH_MAX, placeOf, TEXT_LENGTH_MAX } from '#advice'
import { DIAGNOSTICS_MAX, nearest, Reporter } from '#base'
import { checkFits } from './fit.ts'
import { EXPRESSION_NODES_MAX, SOURCES_MAX, TERM_DEPTH_MAX, VIEW_DEPTH_MAX } from './limits.ts'
import { parseQuery } from './parser.ts'
import { outOfReach } from './out-of-reach.ts'
import {
  hasAggregate,
  isAggregating,
  keyOf,
  type Column,
  type ResolvedQuery,
  type ResolvedSource,
  type SourceId,
  type Term,
} from './resolved.ts'
import type { Expr, Name, Path, Query, Range, Source } from './syntax.ts'
import { TermSizes } from './term-size.ts'
import { typeOf } from './types.ts'
import { DEFAULT_VARS, fits, fitting, lineOf, varsAt, type Vocabulary } from './vocabulary.ts'

export type Surroundings = {
  /** Named queries that may stand as sources. */
  readonly views?: Readonly<Record<string, string>>
  /** What there is to ask; absent = anything may be there. */
  readonly vocabulary?: Vocabulary
}

/** `report` is the reporter of the query's own text; what is wrong in views is put there too. */
export function resolveQuery(
  query: Query,
  around: Surroundings,
  report: Reporter,
): ResolvedQuery | undefined {
  const shared = { next: 0, sizes: new TermSizes() }
  const resolved = new Resolver({ query, around, report, shared, open: [] }).resolve()
  if (!report.hasErrors) checkFits(resolved, query, report)
  return report.hasErrors ? undefined : resolved
}

/** By a query and the views in it. */
type Shared = { next: SourceId; readonly sizes: TermSizes }

type Parts = {
  readonly query: Query
  readonly around: Surroundings
  readonly report: Reporter
  readonly shared: Shared
  /** Views being resolved, outermost first. */
  readonly open: readonly string[]
}

class Resolver {
  readonly #query: Query
  readonly #around: Surroundings
  readonly #report: Reporter
  readonly #shared: Shared
  readonly #open: readonly string[]
  readonly #sources = new Map<string, ResolvedSource>()
  readonly #lets = new Map<string, Term>()
  #root: ResolvedSource | undefined

  constructor({ query, around, report, shared, open }: Parts) {
    this.#query = query
    this.#around = around
    this.#report = report
    this.#shared = shared
    this.#open = open
  }

  resolve(): ResolvedQuery {
    const query = this.#query
    const root = this.#source({ alias: query.alias, source: query.from, isOuter: false, after: undefined })
    this.#root = root
    if (query.from.keep !== undefined)
      this.#report.error(query.from, 'From takes all events: First and MostRecent are for Join', {
        note: 'they say which of the events before another one count',
      })
    const joins = query.joins.map((join) => {
      if (join.before.text !== join.alias.text)
        this.#report.error(
          join.before,
          `left of the arrow stands ${join.alias.text}, the source that is joined`,
          {
            suggestion: `On ${join.alias.text} -> ${join.after.text}`,
          },
        )
      const after = this.#sources.get(join.after.text)
      if (after === undefined) this.#unknownSource(join.after)
      return this.#source({ ...join, after: after?.id ?? root.id })
    })
    for (const { name, value } of query.lets) {
      this.#claim(name)
      this.#lets.set(name.text, this.#plain(value, 'Let'))
    }
    const wheres = query.wheres.map((where) => this.#condition(where))
    const columns = this.#columns()
    const groupBy = query.groupBy.map((key) => this.#plain(key, 'GroupBy'))
    if (groupBy.length === 0) groupBy.push(...impliedKeys(columns))
    const resolved: ResolvedQuery = {
      root,
      joins,
      wheres,
      groupBy,
      columns,
      isDistinct: query.isDistinct,
      everyNs: query.everyNs,
      top: this.#top(columns),
    }
    this.#checkGroups(resolved)
    return resolved
  }

  #source(given: {
    readonly alias: Name | undefined
    readonly source: Source
    readonly isOuter: boolean
    readonly after: SourceId | undefined
  }): ResolvedSource {
    const { alias, source, isOuter, after } = given
    const id = this.#shared.next++
    // Of views in views there may be any number: not one more is looked at.
    if (id === SOURCES_MAX)
      this.#report.error(
        source,
        `a query joins fewer than ${SOURCES_MAX} sources, those of its views counted`,
      )
    const of = id >= SOURCES_MAX ? NOTHING : this.#of(source)
    if (of.kind === 'view') this.#shared.sizes.view(id, of.query.columns)
    const resolved = { id, alias: alias?.text ?? '', keep: source.keep, isOuter, after, of }
    if (alias !== undefined) this.#claim(alias)
    this.#sources.set(resolved.alias, resolved)
    return resolved
  }

  /** An alias or a Let, once. */
  #claim({ text, start, end }: Name): void {
    if (this.#sources.has(text) || this.#lets.has(text))
      this.#report.error({ start, end }, `${text} is named twice`, { suggestion: `${text}2` })
  }

  #of(source: Source): ResolvedSource['of'] {
    const views = source.names.filter(({ text }) => this.#viewText(text) !== undefined)
    const [view] = views
    if (view === undefined) {
      for (const name of source.names) this.#checkTracepoint(name)
      return { kind: 'tracepoints', names: source.names.map(({ text }) => text) }
    }
    if (source.names.length > 1)
      this.#report.error(view, 'a union is of tracepoints; a view stands alone', {
        suggestion: 'make the union inside the view',
      })
    return this.#view(view, source)
  }

  #viewText(name: string): string | undefined {
    const views = this.#around.views
    return views !== undefined && Object.hasOwn(views, name) ? views[name] : undefined
  }

  #view(name: Name, source: Source): ResolvedSource['of'] {
    const path = [...this.#open, name.text]
    if (this.#open.includes(name.text)) {
      this.#report.error(name, `a view cannot be made of itself: ${path.join(' -> ')}`)
      return NOTHING
    }
    if (path.length > VIEW_DEPTH_MAX) {
      this.#report.error(name, `views nest at most ${VIEW_DEPTH_MAX} deep`)
      return NOTHING
    }
    const text = this.#viewText(name.text) ?? ''
    const inner = new Reporter(text, name.text)
    const parsed = parseQuery(text, inner)
    const query =
      parsed === undefined
        ? undefined
        : new Resolver({
            query: parsed,
            around: this.#around,
            report: inner,
            shared: this.#shared,
            open: path,
          }).resolve()
    for (const found of inner.diagnostics.slice(0, DIAGNOSTICS_MAX))
      this.#report.error(name, `${found.message} (${found.span.line}:${found.span.column})`)
    if (query === undefined) return NOTHING
    this.#checkView(query, name, source)
    return { kind: 'view', name: name.text, query }
  }

  #checkView(query: ResolvedQuery, name: Name, { keep }: Source): void {
    const what = isAggregating(query)
      ? 'aggregates'
      : query.isDistinct
        ? 'is DISTINCT'
        : query.top !== undefined
          ? 'has a Top'
          : query.everyNs !== undefined
            ? 'has windows'
            : undefined
    if (what === undefined) return
    this.#report.error(name, `${name.text} ${what}: it is known only when the query ends`, {
      note: `a view that is joined${keep === undefined ? '' : ' or filtered'} gives a tuple for each event`,
      suggestion: 'leave its rows as they are and aggregate here',
    })
  }

  #checkTracepoint(name: Name): void {
    const reason = outOfReach(name.text)
    if (reason !== undefined) return this.#report.error(name, reason.message, { note: reason.note })
    const vocabulary = this.#around.vocabulary
    if (vocabulary === undefined) return
    const known = fitting(vocabulary, name.text)
    if (known.length > 0) return this.#checkVersions(name, known)
    const line = lineOf(name.text)
    const around = line === undefined ? [] : fitting(vocabulary, placeOf(name.text).of)
    if (around.length > 0) {
      const [{ name: fn, lines }] = around
      return this.#report.error(name, `line ${line} is not in ${fn}`, {
        note: lines === undefined ? undefined : `it stands in lines ${lines[0]} to ${lines[1]}`,
      })
    }
    // A file may be named by the end of its path: so may the one that is meant.
    const segments = name.text.split('/').length
    const endings = vocabulary.map((known) => known.name.split('/').slice(-segments).join('/'))
    const candidates = [...endings, ...Object.keys(this.#around.views ?? {})]
    this.#report.error(name, `no process has a tracepoint ${name.text}`, suggest(name.text, candidates))
  }

  /** A line is of one text. */
  #checkVersions(name: Name, known: Vocabulary): void {
    const mixed =
      lineOf(name.text) === undefined ? undefined : known.find(({ sources = [] }) => sources.length > 1)
    if (mixed !== undefined)
      this.#report.warning(
        name,
        `${mixed.sources?.length} versions of ${mixed.name} run: they differ in what line it is`,
        {
          note: 'where no statement begins in that line, the result says so',
        },
      )
  }

  #unknownSource(name: Name): void {
    this.#report.error(name, `${name.text || 'this'} is no source above this Join`, {
      note: 'a source is joined to the root or to one that is joined already',
      ...suggest(name.text, [...this.#sources.keys()]),
    })
  }

  #columns(): Column[] {
    const seen = new Set<string>()
    return this.#query.select.map((item) => {
      if (seen.has(item.column))
        this.#report.error(item, `two columns are called ${item.column}`, {
          suggestion: `.. As ${item.column}2`,
        })
      seen.add(item.column)
      const value = this.#measured(item.value)
      typeOf(value, this.#report)
      return { name: item.column, value }
    })
  }

  #condition(where: Expr): Term {
    const term = this.#plain(where, 'Where')
    const type = typeOf(term, new Reporter(''))
    if (type !== 'any' && type !== 'boolean')
      this.#report.error(where, `Where takes a condition, not a ${type}`, { suggestion: '.. != 0' })
    return term
  }

  /** Without aggregates. */
  #plain(expr: Expr, clause: string): Term {
    const term = this.#measured(expr)
    typeOf(term, this.#report)
    if (hasAggregate(term))
      this.#report.error(expr, `${clause} is evaluated for each tuple: an aggregate belongs into Select`)
    return term
  }

  /** Nothing walks a term that is larger than one may be. */
  #measured(expr: Expr): Term {
    const term = this.#term(expr)
    const { nodes, depth } = this.#shared.sizes.of(term)
    if (nodes <= EXPRESSION_NODES_MAX && depth <= TERM_DEPTH_MAX) return term
    const { start, end } = expr
    this.#report.error(
      expr,
      nodes > EXPRESSION_NODES_MAX
        ? `an expression has at most ${EXPRESSION_NODES_MAX} parts, and what its names stand for counts`
        : `an expression nests at most ${TERM_DEPTH_MAX} deep, and what its names stand for counts`,
    )
    return { kind: 'literal', value: null, start, end }
  }

  #term(expr: Expr): Term {
    switch (expr.kind) {
      case 'literal':
        if (typeof expr.value === 'string' && expr.value.length > TEXT_LENGTH_MAX)
          this.#report.error(expr, `a text has at most ${TEXT_LENGTH_MAX} characters`)
        return expr
      case 'path':
        return this.#path(expr)
      case 'call':
        return { ...expr, args: expr.args.map((arg) => this.#term(arg)) }
      case 'aggregate': {
        const arg = this.#term(expr.arg)
        if (hasAggregate(arg)) this.#report.error(expr.arg, 'an aggregate of an aggregate has no meaning')
        return { ...expr, arg }
      }
    }
  }

  #path(path: Path): Term {
    const [first, ...rest] = path.parts
    const range = { start: path.start, end: path.end }
    const name = rest.map(({ text }) => text).join('.')
    const held = this.#lets.get(first.text)
    if (held !== undefined && rest.length === 0) return held
    const source = this.#sources.get(first.text)
    if (source !== undefined && first.text !== '') return this.#variable(source, name, range)
    const root = this.#root
    if (root !== undefined && root.alias === '')
      return this.#variable(root, path.parts.map(({ text }) => text).join('.'), range)
    this.#report.error(first, `${first.text} is no source and no Let`, {
      ...suggest(first.text, [...this.#sources.keys(), ...this.#lets.keys()]),
    })
    return { kind: 'literal', value: null, ...range }
  }

  #variable(source: ResolvedSource, name: string, range: Range): Term {
    if (source.of.kind === 'view') return this.#viewColumn(source, source.of.query.columns, name, range)
    if (name === '')
      this.#report.error(range, `${source.alias} is a source: name one of its variables`, {
        suggestion: `${source.alias}.host`,
      })
    else if (name.length > NAME_LENGTH_MAX)
      this.#report.error(range, `the name of a variable has at most ${NAME_LENGTH_MAX} characters`)
    else this.#checkVariable(source, name, range)
    return { kind: 'var', source: source.id, name, ...range }
  }

  /** A view of one column is that column. */
  #viewColumn(source: ResolvedSource, columns: readonly Column[], name: string, range: Range): Term {
    const names = columns.map((column) => column.name)
    const only = names.length === 1 && name === '' ? names[0] : name
    if (!names.includes(only))
      this.#report.error(
        range,
        name === '' ? `${source.alias} has several columns` : `there is no column ${name}`,
        {
          note: `its columns are ${names.join(', ')}`,
          ...suggest(name, names),
        },
      )
    return { kind: 'var', source: source.id, name: only, ...range }
  }

  #checkVariable(source: ResolvedSource, name: string, range: Range): void {
    const vocabulary = this.#around.vocabulary
    if (vocabulary === undefined || source.of.kind !== 'tracepoints') return
    const { names } = source.of
    const known = names.flatMap((wanted) => fitting(vocabulary, wanted))
    const vars = [...DEFAULT_VARS, ...names.flatMap((wanted) => varsAt(vocabulary, wanted))]
    // An application's own tracepoint shows its variables with its first hit.
    // What a line sees, only its function knows.
    const isLine = names.some((wanted) => lineOf(wanted) !== undefined)
    const isOpen = isLine || known.length === 0 || known.some((one) => one.vars.length === 0)
    const isKnown = vars.some((one) => fits(one, name) || name.startsWith(`${one}.`))
    if (isOpen || isKnown) return
    this.#report.error(range, `${names.join(', ')} exports no ${name}`, {
      note: `it exports ${[...new Set(vars)].slice(0, 20).join(', ')}`,
      ...suggest(name, vars),
    })
  }

  #top(columns: readonly Column[]): ResolvedQuery['top'] {
    const top = this.#query.top
    if (top === undefined) return undefined
    const by =
      top.by === undefined ? columns.find(({ value }) => hasAggregate(value))?.value : this.#measured(top.by)
    if (by !== undefined) return { count: top.count, by }
    const [first] = columns
    return { count: top.count, by: first.value }
  }

  /** What is selected beside aggregates must be the same for all tuples of a group. */
  #checkGroups(query: ResolvedQuery): void {
    if (query.isDistinct && isAggregating(query))
      this.#report.error(this.#query.select[0], 'DISTINCT rows and groups exclude each other', {
        suggestion: 'Select without DISTINCT',
      })
    if (!isAggregating(query)) return
    const keys = new Set(query.groupBy.map(keyOf))
    query.columns.forEach(({ value, name }, i) => {
      if (isFixed(value, keys)) return
      this.#report.error(this.#query.select[i], `${name} differs within a group`, {
        note: 'beside aggregates, Select shows what GroupBy names',
        suggestion: `GroupBy ${[...this.#query.groupBy, this.#query.select[i].value].map((key) => this.#textOf(key)).join(', ')}`,
      })
    })
    if (query.top !== undefined && !isFixed(query.top.by, keys))
      this.#report.error(this.#query.top ?? this.#query.select[0], 'Top orders by what a group has one of')
  }

  #textOf({ start, end }: Range): string {
    return this.#query.text.slice(start, end)
  }
}

const NOTHING = { kind: 'tracepoints', names: [] } as const

/** As the paper writes it: `Select job.id, AVERAGE(latency)` groups by what stands beside the aggregates. */
function impliedKeys(columns: readonly Column[]): Term[] {
  if (!columns.some(({ value }) => hasAggregate(value))) return []
  return columns.map(({ value }) => value).filter((value) => value.kind !== 'literal' && !hasAggregate(value))
}

function isFixed(term: Term, keys: ReadonlySet<string>): boolean {
  if (term.kind === 'aggregate' || term.kind === 'literal' || keys.has(keyOf(term))) return true
  return term.kind === 'call' && term.args.every((arg) => isFixed(arg, keys))
}

function suggest(name: string, candidates: readonly string[]): { readonly suggestion?: string } {
  const meant = nearest(name, candidates)
  return meant === undefined ? {} : { suggestion: meant }
}
