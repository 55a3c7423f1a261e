// Packages of advice, the kill switch, the audit.

import {
  deleteTool,
  getKillSwitch,
  getTool,
  listTools,
  putKillSwitch,
  putTool,
  readAudit,
  releaseTool,
} from '../handlers/tools.ts'
import type { Route } from './route.ts'

export const TOOLS_ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: '/api/v1/tools',
    access: 'read',
    summary: 'Deployed tool packages.',
    answer: 'ToolList',
    handler: listTools,
  },
  {
    method: 'GET',
    path: '/api/v1/tools/{name}',
    access: 'read',
    summary: 'One tool package.',
    answer: 'ToolPackage',
    handler: getTool,
  },
  {
    method: 'PUT',
    path: '/api/v1/tools/{name}',
    access: 'tool:deploy',
    body: 'ToolPackage',
    answer: 'Deployed',
    handler: putTool,
    summary: 'Deploys a tool package to all agents, verified first; 422 says why it is refused.',
  },
  {
    method: 'DELETE',
    path: '/api/v1/tools/{name}',
    access: 'tool:deploy',
    summary: 'Removes a tool from all agents.',
    answer: 'Deployed',
    handler: deleteTool,
  },
  {
    method: 'POST',
    path: '/api/v1/tools/{name}/release',
    access: 'tool:deploy',
    answer: 'Released',
    handler: releaseTool,
    summary: 'Lets go what a tool holds in all processes now; what comes later it holds anew.',
  },
  {
    method: 'GET',
    path: '/api/v1/kill-switch',
    access: 'read',
    summary: 'Whether agents are switched off.',
    answer: 'KillSwitch',
    handler: getKillSwitch,
  },
  {
    method: 'PUT',
    path: '/api/v1/kill-switch',
    access: 'admin',
    body: 'KillSwitch',
    answer: 'KillSwitch',
    handler: putKillSwitch,
    summary: 'Switches all agents off (they become no-ops) or on again.',
  },
  {
    method: 'GET',
    path: '/api/v1/audit',
    access: 'admin',
    query: { before: 'entries below this seq', limit: '1..1000, default 100' },
    answer: 'Audit',
    handler: readAudit,
    summary: 'Who did what, newest first, hash-chained.',
  },
]
