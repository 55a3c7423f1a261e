// Starts the app: theme before the first drawing, then the frame, then the view that the URL names.

import './base/tokens.css'
import './base/base.css'
import './widgets/widgets.css'
import { render } from 'preact'
import { FacetsProvider } from './base/facets.tsx'
import { applyTheme, watchSystemTheme } from './base/theme.ts'
import { navigate, useRoute, type Route } from './base/route.ts'
import { DatasetsView } from './views/datasets/datasets.tsx'
import { ExploreView } from './views/explore/explore.tsx'
import { Shell } from './views/shell/shell.tsx'
import { PathsView } from './views/paths/paths.tsx'
import { ServicesView } from './views/services/services.tsx'
import { ResourcesView } from './views/tenants/resources.tsx'
import { TenantsView } from './views/tenants/tenants.tsx'
import { SystemView } from './views/system/system.tsx'
import { NotebookView } from './views/notebook/notebook.tsx'
import { NotebooksView } from './views/notebook/notebooks.tsx'
import { PipelineView } from './views/pipeline/pipeline.tsx'
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
    case 'datasets':
      return <DatasetsView query={route.query} />
    case 'dataset':
      return <ExploreView key={route.name} name={route.name} query={route.query} />
    case 'paths':
      return <PathsView query={route.query} />
    case 'services':
      return <ServicesView query={route.query} />
    case 'notebook':
      return <NotebookView key={route.id} id={route.id} query={route.query} />
    case 'notebooks':
      return <NotebooksView query={route.query} />
    case 'pipeline':
      return <PipelineView query={route.query} />
    case 'tenants':
      return <TenantsView query={route.query} />
    case 'resources':
      return <ResourcesView query={route.query} />
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
