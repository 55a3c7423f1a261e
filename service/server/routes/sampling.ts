// Policies of sampling, and the tail rule.

import {
  deleteSampling,
  deleteTail,
  getSampling,
  getTail,
  listSampling,
  putSampling,
  putTail,
} from '../handlers/sampling.ts'
import type { Route } from './route.ts'

export const SAMPLING_ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: '/api/v1/sampling',
    access: 'read',
    summary: 'Sampling policies with their use, and the tail rule.',
    answer: 'SamplingList',
    handler: listSampling,
  },
  {
    method: 'GET',
    path: '/api/v1/sampling/{name}',
    access: 'read',
    summary: 'One sampling policy.',
    answer: 'SamplingPolicy',
    handler: getSampling,
  },
  {
    method: 'PUT',
    path: '/api/v1/sampling/{name}',
    access: 'sampling:set',
    body: 'SamplingRequest',
    answer: 'SamplingSet',
    handler: putSampling,
    summary: 'Sets a sampling policy in all agents: which traces are recorded, in what detail, for how long.',
  },
  {
    method: 'DELETE',
    path: '/api/v1/sampling/{name}',
    access: 'sampling:set',
    summary: 'Removes a sampling policy.',
    answer: 'Deployed',
    handler: deleteSampling,
  },
  {
    method: 'GET',
    path: '/api/v1/tail-sampling',
    access: 'read',
    summary: 'The tail rule; 404 = every trace is kept.',
    answer: 'TailRule',
    handler: getTail,
  },
  {
    method: 'PUT',
    path: '/api/v1/tail-sampling',
    access: 'admin',
    body: 'TailRule',
    answer: 'TailRule',
    handler: putTail,
    summary: 'Sets what is kept of the traces that come from now on; the others are deleted.',
  },
  {
    method: 'DELETE',
    path: '/api/v1/tail-sampling',
    access: 'admin',
    summary: 'Removes the tail rule: every trace is kept.',
    answer: 'Any',
    handler: deleteTail,
  },
]
