// The language of queries, as an editor asks about it: its parser and completion are those of #query, in the
// page.

import { complete, highlight, parse, type Surroundings } from '#query'
import type { Language } from '../../widgets/code-editor.ts'

/** `around` is asked anew at each use: the vocabulary grows while one types. */
export function queryLanguage(around: () => Surroundings): Language {
  return {
    label: 'Query',
    placeholder: 'From r In http.server.request.end\nGroupBy r.service\nSelect r.service, COUNT',
    mistakes: (text) => parse(text, around()).diagnostics,
    candidates: (text, at) => complete(text, at, around()),
    isOffered: (before) => /[\w.$(]$/.test(before) || /\bin\s+$/i.test(before),
    highlight,
  }
}
