// Deployed tools = desired state: what is verified here is signed and told to every agent within a second.
// Every change is audited before it is told.

import { AdviceRefusal, parsePackage, verifyPackage } from '#advice'
import type { ToolAgents, ToolPackage } from '#protocol'
import type { Handler, Services } from '../exchange.ts'
import { checkMay, installing, removing } from '../grants.ts'
import { readJson, sendJson } from '../http-io.ts'
import { flag, object } from '../parse.ts'
import { RequestError } from '../server-error.ts'
import { whoIs } from './who.ts'

export const listTools: Handler = ({ response }, services) => {
  const tools = services.state.packages.map((tool) => ({ ...tool, agents: inForce(services, tool) }))
  sendJson(response, 200, { tools, stateVersion: services.state.version, disabled: services.state.disabled })
}

export const getTool: Handler = ({ response, params }, services) => {
  const [tool] = deployed(services, params.name)
  if (tool === undefined) throw noTool(params.name)
  sendJson(response, 200, { ...tool, agents: inForce(services, tool) })
}

export const putTool: Handler = async (exchange, services) => {
  const name = exchange.params.name ?? ''
  if (!/^(?!query-)[\w.-]{1,64}$/.test(name)) {
    const rule = 'a tool name is 1..64 of A-Z a-z 0-9 _ . -, and query- begins those of queries'
    throw new RequestError(400, 'E_BAD_REQUEST', rule, 'rename it')
  }
  const tool = verified(name, await readJson(exchange.request))
  checkMay(exchange.caller, [
    ...installing(tool, 'tool:deploy'),
    ...deployed(services, name).flatMap((one) => removing(one, 'tool:deploy')),
  ])
  services.audit.add(whoIs(exchange), 'tool.deploy', { name, advice: tool.advice.length })
  const { version } = services.state.deploy(tool)
  sendJson(exchange.response, 200, { name, version, stateVersion: services.state.version })
}

export const releaseTool: Handler = (exchange, services) => {
  const [tool] = deployed(services, exchange.params.name)
  if (tool === undefined) throw noTool(exchange.params.name)
  const { name, advice } = tool
  if (!advice.some(({ instructions }) => instructions.some((one) => one.op === 'act' && one.act === 'hold')))
    throw new RequestError(
      409,
      'E_HOLDS_NOTHING',
      `${name} has no act hold`,
      'what it does ends with it: remove it',
    )
  checkMay(exchange.caller, removing(tool, 'tool:deploy'))
  const { held } = inForce(services, tool)
  services.audit.add(whoIs(exchange), 'tool.release', { name, held })
  services.state.release(name)
  sendJson(exchange.response, 200, { name, held, stateVersion: services.state.version })
}

export const deleteTool: Handler = (exchange, services) => {
  const name = exchange.params.name ?? ''
  const [tool] = deployed(services, name)
  if (tool === undefined) throw noTool(name)
  checkMay(exchange.caller, removing(tool, 'tool:deploy'))
  services.audit.add(whoIs(exchange), 'tool.remove', { name })
  services.state.remove(name)
  sendJson(exchange.response, 200, { name, stateVersion: services.state.version })
}

/** The kill switch: every agent becomes a no-op until it is taken back. */
export const putKillSwitch: Handler = async (exchange, services) => {
  const { disabled } = object({ disabled: flag })(await readJson(exchange.request), '')
  services.audit.add(whoIs(exchange), 'agents.disabled', { disabled })
  services.state.setDisabled(disabled)
  sendJson(exchange.response, 200, { disabled, stateVersion: services.state.version })
}

export const getKillSwitch: Handler = ({ response }, { state }) =>
  sendJson(response, 200, { disabled: state.disabled })

export const readAudit: Handler = ({ response, query }, { audit }) => {
  const before = query.get('before')
  const limit = Math.min(1_000, Number(/^\d{1,4}$/.exec(query.get('limit') ?? '')?.[0] ?? 100))
  sendJson(
    response,
    200,
    audit.read({ before: before !== null && /^\d{1,15}$/.test(before) ? Number(before) : Infinity, limit }),
  )
}

/** One or none. */
function deployed({ state }: Services, wanted: string | undefined): readonly ToolPackage[] {
  return state.packages.filter(({ name }) => name === wanted)
}

/** Refused packages answer 422 with the code of what is wrong. */
function verified(name: string, body: unknown): ToolPackage {
  const named =
    typeof body === 'object' && body !== null && !Array.isArray(body)
      ? { version: 1, schema: '', parameters: {}, name, ...body }
      : body
  try {
    const tool = parsePackage(named)
    verifyPackage(tool)
    if (tool.name !== name)
      throw new RequestError(
        400,
        'E_BAD_REQUEST',
        'the name in the body is not the name in the path',
        'leave it out of the body',
      )
    return tool
  } catch (error: unknown) {
    if (error instanceof AdviceRefusal)
      throw new RequestError(422, error.code, error.message, 'nothing was deployed')
    throw error
  }
}

function inForce({ agents }: Services, { name, version }: ToolPackage): ToolAgents {
  const mine = agents
    .views()
    .flatMap(({ agent, service, pid, report, isConnected }) =>
      isConnected
        ? (report?.packages ?? [])
            .filter((one) => one.name === name && one.version === version)
            .map(({ error, held = 0 }) => ({ error, held, at: { agent, service, pid, held } }))
        : [],
    )
  return {
    installed: mine.filter(({ error }) => error === undefined).length,
    failed: mine.filter(({ error }) => error !== undefined).length,
    held: mine.reduce((sum, { held }) => sum + held, 0),
    holding: mine.filter(({ held }) => held > 0).map(({ at }) => at),
  }
}

function noTool(name: string | undefined): RequestError {
  return new RequestError(
    404,
    'E_NOT_FOUND',
    `no tool named ${name ?? ''} is deployed`,
    'crosscut tool ls lists them',
  )
}
