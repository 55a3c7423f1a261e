// What the parser does not know, Node may.
try {
  require('./worse.cjs')
} catch (error) {
  console.error(error.name)
}
