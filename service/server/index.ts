// The face of server/: see README.md.
export { startServer, type ServerHandle, type ServerOptions } from './start-server.ts'
export { routeTable, type RouteDoc } from './routes.ts'
// For `crosscut features check` at a desk.
export { askFeatureFile, FeatureFileError } from '#traces'
