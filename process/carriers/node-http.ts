// What is used of node:http, without its ES module face: making that face reads every export, and one of them
// (WebSocket) loads undici, which costs an application that never fetches some 30 ms of its start.
export const {
  ClientRequest: ClientRequestClass,
  IncomingMessage: IncomingMessageClass,
  ServerResponse: ServerResponseClass,
  validateHeaderValue,
} = process.getBuiltinModule('node:http')
