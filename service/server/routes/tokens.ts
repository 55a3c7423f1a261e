// Tokens and what they may.

import { createToken, listTokens, revokeToken } from '../handlers/tokens.ts'
import type { Route } from './route.ts'

export const TOKENS_ROUTES: readonly Route[] = [
  {
    method: 'POST',
    path: '/api/v1/tokens',
    access: 'admin',
    body: 'TokenRequest',
    answer: 'TokenCreated',
    handler: createToken,
    summary: 'A token with a name, grants and an end; its secret is told this once.',
  },
  {
    method: 'GET',
    path: '/api/v1/tokens',
    access: 'admin',
    summary: 'Tokens with names, without their secrets.',
    answer: 'TokenList',
    handler: listTokens,
  },
  {
    method: 'DELETE',
    path: '/api/v1/tokens/{id}',
    access: 'admin',
    summary: 'Revokes a token, with the sessions and streams that it opened.',
    answer: 'TokenRevoked',
    handler: revokeToken,
  },
]
