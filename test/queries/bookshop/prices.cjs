'use strict'
// What a book costs: as many as its title has letters.

exports.priceOf = function priceOf(title) {
  return title.length
}
