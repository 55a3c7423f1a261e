// OpenAPI 3.1 from the route table and the schemas: what is not in the table does not exist.

import { routeTable, type Route } from './routes.ts'
import { SCHEMAS } from './schemas.ts'

export function openApi(): unknown {
  const paths: { [path: string]: { [method: string]: unknown } } = {}
  for (const route of routeTable) (paths[route.path] ??= {})[route.method.toLowerCase()] = operation(route)
  return {
    openapi: '3.1.0',
    info: {
      title: 'Crosscut',
      version: '1',
      description: 'See, ask and steer every request. Errors are ApiError.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas: SCHEMAS,
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        session: { type: 'apiKey', in: 'cookie', name: 'crosscut' },
      },
    },
  }
}

function operation(route: Route): unknown {
  const { summary, access, query = {}, body, path, method } = route
  const parameters = [
    ...[...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
      name,
      in: 'path',
      required: true,
      schema: { type: 'string' },
    })),
    ...Object.entries(query).map(([name, description]) => ({
      name,
      in: 'query',
      description,
      schema: { type: 'string' },
    })),
  ]
  return {
    operationId: `${method.toLowerCase()}${path.replace(/[^a-zA-Z0-9]+(\w?)/g, (_, letter: string) => letter.toUpperCase())}`,
    summary,
    security:
      access === 'public' ? [] : access === 'agent' ? [{ bearer: [] }] : [{ bearer: [] }, { session: [] }],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: schemaOf(body) } } } }),
    responses: {
      [path === '/login' ? '303' : '200']: { description: summary, content: contentOf(route) },
      default: {
        description: 'Any error.',
        content: { 'application/json': { schema: schemaOf('ApiError') } },
      },
    },
  }
}

function contentOf({ answer, isStream = false, path }: Route): unknown {
  const streamed = isStream ? { 'text/event-stream': { schema: { type: 'string' } } } : {}
  if (answer === 'text') return { 'text/plain': { schema: { type: 'string' } } }
  if (answer === 'html') return { 'text/html': { schema: { type: 'string' } } }
  return path.startsWith('/agent/v1/state')
    ? streamed
    : { 'application/json': { schema: schemaOf(answer) }, ...streamed }
}

function schemaOf(name: string): unknown {
  return { $ref: `#/components/schemas/${name}` }
}
