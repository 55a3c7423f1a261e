// The server itself: health, metrics, this API, signing in.

import {
  connection,
  createLoginLink,
  healthz,
  login,
  metrics,
  openApiDocument,
  readyz,
} from '../handlers/pages.ts'
import type { Route } from './route.ts'

export const PAGES_ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: '/healthz',
    access: 'public',
    summary: 'The process lives.',
    answer: 'Status',
    handler: healthz,
  },
  {
    method: 'GET',
    path: '/readyz',
    access: 'public',
    answer: 'Readiness',
    handler: readyz,
    summary: 'Every part runs (200) or which does not (503).',
  },
  {
    method: 'GET',
    path: '/metrics',
    access: 'public',
    summary: 'Counters of all parts, Prometheus text.',
    answer: 'text',
    handler: metrics,
  },
  {
    method: 'GET',
    path: '/openapi.json',
    access: 'public',
    summary: 'This API as OpenAPI 3.1.',
    answer: 'Any',
    handler: openApiDocument,
  },
  {
    method: 'GET',
    path: '/login',
    access: 'public',
    summary: 'Trades a one-time token for a session cookie.',
    query: { token: 'from the printed URL' },
    answer: 'html',
    handler: login,
  },
  {
    method: 'POST',
    path: '/api/v1/login-links',
    access: 'read',
    summary: 'A new one-time login URL; the session may what the token may that asks for it.',
    body: 'Any',
    answer: 'LoginLink',
    handler: createLoginLink,
  },
  {
    method: 'GET',
    path: '/api/v1/connection',
    access: 'read',
    answer: 'Connection',
    handler: connection,
    summary: 'What an agent needs to connect: server, token, OTLP endpoint.',
  },
]
