// A text editor for the languages of ours: colours, mistakes where they stand, completion.
// CodeMirror writes its styles as elements of the page; the policy lets them in by the page's nonce.
//
// Loaded when an editor is first shown. What a language knows is asked anew at each use, as it may grow.

import {
  autocompletion,
  completionKeymap,
  type CompletionContext,
  type CompletionResult,
} from '@codemirror/autocomplete'
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands'
import { linter, type Diagnostic as Mark } from '@codemirror/lint'
import { EditorState, RangeSetBuilder } from '@codemirror/state'
import {
  Decoration,
  EditorView,
  highlightSpecialChars,
  keymap,
  placeholder,
  ViewPlugin,
  type DecorationSet,
  type ViewUpdate,
} from '@codemirror/view'
import { escapeName, HIDDEN } from '../base/text.ts'

/** A mistake as all our languages tell it. */
export type Mistake = {
  readonly span: { readonly start: number; readonly end: number }
  readonly severity: 'error' | 'warning'
  readonly message: string
  readonly note?: string
  readonly suggestion?: string
}

export type Candidate = {
  readonly label: string
  readonly kind: string
  readonly says?: string
  /** Where the text that it replaces begins. */
  readonly start: number
}

export type Language = {
  readonly label: string
  readonly placeholder: string
  mistakes(text: string): readonly Mistake[]
  candidates(text: string, at: number): readonly Candidate[]
  /** Whether candidates are shown unasked after this text. */
  isOffered(before: string): boolean
  /** In order. */
  highlight(text: string): readonly {
    readonly start: number
    readonly end: number
    readonly kind: keyof typeof MARKS
  }[]
}

export type EditorOptions = {
  readonly text: string
  readonly language: Language
  readonly onText: (text: string) => void
  readonly onRun: () => void
}

export type Editor = { setText(text: string): void; focus(): void; destroy(): void }

/** Puts an editor into the element. */
export function openEditor(host: HTMLElement, options: EditorOptions): Editor {
  const { language } = options
  const view = new EditorView({
    parent: host,
    state: EditorState.create({
      doc: options.text,
      extensions: [
        EditorView.cspNonce.of(styleNonce()),
        history(),
        keymap.of([
          { key: 'Mod-Enter', run: () => (options.onRun(), true) },
          ...completionKeymap,
          ...defaultKeymap,
          ...historyKeymap,
        ]),
        autocompletion({ override: [(context) => candidates(context, language)], icons: false }),
        linter((view) => mistakes(view.state.doc.toString(), language), { delay: 250 }),
        placeholder(language.placeholder),
        highlightSpecialChars({ specialChars: new RegExp(HIDDEN, 'gu'), render: spelt }),
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ 'aria-label': language.label }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) options.onText(update.state.doc.toString())
        }),
        coloursOf(language),
        THEME,
      ],
    }),
  })
  return {
    setText(text) {
      const present = view.state.doc.toString()
      if (text !== present) view.dispatch({ changes: { from: 0, to: present.length, insert: text } })
    },
    focus: () => view.focus(),
    destroy: () => view.destroy(),
  }
}

/** As on the rest of the page: what hides or turns text around is spelt out, in what others wrote too. */
function spelt(code: number): HTMLElement {
  const name = document.createElement('span')
  name.className = 'escape'
  name.title = 'a character that does not show'
  name.textContent = escapeName(String.fromCodePoint(code))
  return name
}

function candidates(context: CompletionContext, language: Language): CompletionResult | null {
  const text = context.state.doc.toString()
  if (!context.explicit && !language.isOffered(text.slice(0, context.pos))) return null
  const found = language.candidates(text, context.pos)
  const [first] = found
  if (first === undefined) return null
  return {
    from: first.start,
    options: found.map(({ label, kind, says }) => ({
      label,
      detail: kind,
      ...(says === undefined ? {} : { info: says }),
    })),
    filter: false,
  }
}

function mistakes(text: string, language: Language): Mark[] {
  if (text.trim() === '') return []
  return language.mistakes(text).map(({ span, severity, message, note, suggestion }) => ({
    from: Math.min(span.start, text.length),
    to: Math.min(Math.max(span.end, span.start), text.length),
    severity,
    message: [message, note, suggestion === undefined ? undefined : `try: ${suggestion}`]
      .filter((part) => part !== undefined)
      .join('\n'),
  }))
}

const MARKS = {
  keyword: Decoration.mark({ class: 'q-keyword' }),
  function: Decoration.mark({ class: 'q-function' }),
  number: Decoration.mark({ class: 'q-number' }),
  string: Decoration.mark({ class: 'q-string' }),
  source: Decoration.mark({ class: 'q-source' }),
}

function coloured(view: EditorView, language: Language): DecorationSet {
  const builder = new RangeSetBuilder<Decoration>()
  for (const { start, end, kind } of language.highlight(view.state.doc.toString()))
    builder.add(start, end, MARKS[kind])
  return builder.finish()
}

const coloursOf = (language: Language) =>
  ViewPlugin.fromClass(
    class {
      decorations: DecorationSet

      constructor(view: EditorView) {
        this.decorations = coloured(view, language)
      }

      update(update: ViewUpdate): void {
        if (update.docChanged) this.decorations = coloured(update.view, language)
      }
    },
    { decorations: (plugin) => plugin.decorations },
  )

function styleNonce(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="style-nonce"]')?.content ?? ''
}

const THEME = EditorView.theme({
  '&': { fontSize: '13px', color: 'var(--ink)', backgroundColor: 'transparent' },
  '&.cm-focused': { outline: 'none' },
  '.cm-content': {
    fontFamily: 'var(--mono)',
    padding: '12px 14px',
    caretColor: 'var(--ink)',
    minHeight: '108px',
  },
  '.cm-line': { padding: '0' },
  '.cm-cursor': { borderLeftColor: 'var(--ink)' },
  '.cm-placeholder': { color: 'var(--ink-3)', whiteSpace: 'pre-wrap' },
  '&.cm-focused .cm-selectionBackground, .cm-selectionBackground, ::selection': {
    backgroundColor: 'var(--accent-soft)',
  },
  '.q-keyword': { color: 'var(--accent)', fontWeight: '600' },
  '.q-function': { color: 'var(--warn)' },
  '.q-source': { color: 'var(--ink)', fontWeight: '600' },
  '.q-number, .q-string': { color: 'var(--ok)' },
  '.cm-tooltip': {
    backgroundColor: 'var(--raised)',
    color: 'var(--ink)',
    border: '1px solid var(--line-strong)',
    borderRadius: '6px',
    boxShadow: 'var(--shadow)',
  },
  '.cm-tooltip.cm-tooltip-autocomplete > ul': {
    fontFamily: 'var(--mono)',
    fontSize: '12px',
    maxHeight: '260px',
  },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li': { padding: '3px 10px' },
  '.cm-tooltip-autocomplete ul li[aria-selected]': {
    backgroundColor: 'var(--accent)',
    color: 'var(--accent-ink)',
  },
  '.cm-completionDetail': { color: 'inherit', opacity: '0.7', fontStyle: 'normal', marginLeft: '12px' },
  '.cm-tooltip.cm-completionInfo': {
    fontFamily: 'var(--font)',
    fontSize: '12px',
    padding: '6px 10px',
    color: 'var(--ink-2)',
  },
  '.cm-diagnostic': {
    whiteSpace: 'pre-wrap',
    padding: '6px 10px',
    fontFamily: 'var(--font)',
    fontSize: '12.5px',
  },
  '.cm-diagnostic-error': { borderLeft: '3px solid var(--error)' },
  '.cm-lintRange-error': {
    backgroundImage: 'none',
    textDecoration: 'underline wavy var(--error)',
    textUnderlineOffset: '3px',
  },
})
