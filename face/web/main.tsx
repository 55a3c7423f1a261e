// Starts the app: theme before the first drawing, then the frame, then the view that the URL names.

import './base/tokens.css'
import './base/base.css'
import './widgets/widgets.css'
import { render } from 'preact'
import { FacetsProvider } from './base/facets.tsx'
import { applyTheme, watchSystemTheme } from './base/theme.ts'
import { navigate, useRoute, type Route } from './base/route.ts'
import { Shell } from './views/shell/shell.tsx'
import { SystemView } from './views/system/system.tsx'
import { QueryView } from './views/query/query.tsx'
import { TraceScreen } from './views/trace/trace.tsx'
import { TracesView } from './views/traces/traces.tsx'
import { Empty, SignIn } from './widgets/notice.tsx'

function App() {
  const route = useRoute()
  return (
    <FacetsProvider>
      <Shell view={route.view}>{viewOf(route)}</Shell>
    </FacetsProvider>
  )
}

function viewOf(route: Route) {
  switch (route.view) {
    case 'traces':
      return <TracesView query={route.query} />
    case 'trace':
      return <TraceScreen key={route.traceId} traceId={route.traceId} query={route.query} />
    case 'query':
      return <QueryView query={route.query} />
    case 'system':
      return <SystemView />
    case 'login':
      return (
        <SignIn title="This login link was used before, or is too old" onRetry={() => navigate('/traces')} />
      )
    case 'unknown':
      return (
        <Empty title="There is no such page">
          <p>
            <a class="text-button" href="/traces">
              Go to the traces
            </a>
          </p>
        </Empty>
      )
  }
}

applyTheme()
watchSystemTheme()
const place = document.getElementById('app')
if (place !== null) render(<App />, place)
