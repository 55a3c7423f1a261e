'use strict'
// One function that is called through its module, one that its caller has taken out.

exports.count = function count(title, more) {
  return title.length + more
}
exports.captured = (title) => title.toUpperCase()
