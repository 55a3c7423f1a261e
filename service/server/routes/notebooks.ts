// Notebooks, and the features of their cells.

import {
  deleteNotebook,
  featureRows,
  getNotebook,
  listNotebooks,
  postNotebook,
  putNotebook,
} from '../handlers/notebooks.ts'
import type { Route } from './route.ts'

export const NOTEBOOKS_ROUTES: readonly Route[] = [
  {
    method: 'POST',
    path: '/api/v1/features/rows',
    access: 'read',
    body: 'FeatureRowsRequest',
    answer: 'FeatureRowsView',
    handler: featureRows,
    summary:
      'Rows that features give on stored traces, newest first, a stretch of them an answer; nextCursor goes on to the end of the store.',
  },
  {
    method: 'GET',
    path: '/api/v1/notebooks',
    access: 'read',
    answer: 'NotebookList',
    handler: listNotebooks,
    summary: 'Notebooks that were saved, changed last first, with who owns them.',
  },
  {
    method: 'POST',
    path: '/api/v1/notebooks',
    access: 'query:install',
    body: 'NotebookRequest',
    answer: 'NotebookView',
    handler: postNotebook,
    summary: 'Saves a new notebook (201) under a name that none has; at most 64 kB of cells.',
  },
  {
    method: 'GET',
    path: '/api/v1/notebooks/{id}',
    access: 'read',
    query: { version: 'an older one of olderVersions; default the newest' },
    answer: 'NotebookView',
    handler: getNotebook,
    summary: 'One notebook.',
  },
  {
    method: 'PUT',
    path: '/api/v1/notebooks/{id}',
    access: 'query:install',
    body: 'NotebookRequest',
    answer: 'NotebookView',
    handler: putNotebook,
    summary:
      'Saves a new version, by its owner or an admin. version says from which it was made: 409 E_NOTEBOOK_CHANGED when that is not the newest.',
  },
  {
    method: 'DELETE',
    path: '/api/v1/notebooks/{id}',
    access: 'query:install',
    answer: 'NotebookRemoved',
    handler: deleteNotebook,
    summary: 'Deletes a notebook with its versions, by its owner or an admin.',
  },
]
