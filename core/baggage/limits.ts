// Every bound of baggage/, with its arithmetic.

import { assert } from '#base'

/**
 * Largest encoding that decode takes. Carriers trim to 3 KiB (a W3C baggage member of 4096 characters of
 * base64url); brokers and worker messages may carry more. 16 MiB is far above any honest use and keeps every
 * position a small integer.
 */
export const BAGGAGE_BYTES_MAX = 16 * 1024 * 1024

/** Levels 0..15: bits 6-3 of the header byte hold 15 - level. */
export const LEVELS = 16

/**
 * Fresh component ids. Two of n concurrent branches collide with probability n^2 / 2^65: 10^-13 for a million
 * branches.
 */
export const COMPONENT_ID_BYTES = 8

/**
 * Components one value may extend by ownership; beyond it the oldest are given up, which costs a new
 * component, never a count.
 */
export const OWNED_COMPONENTS_MAX = 64

/**
 * Companions of one value: twice what the trail keeps (64), so that it meets both sides of a join whole and
 * decides itself what to leave out.
 */
export const COMPANIONS_MAX = 128

/**
 * BDL text: the largest tool schema known has 40 lines; 256 KiB leaves room for generated ones and bounds the
 * parser.
 */
export const BDL_TEXT_CHARS_MAX = 256 * 1024

/**
 * Nesting of type expressions in BDL text (map<string, map<...>>): deeper ones could not be written in 16
 * levels anyway.
 */
export const BDL_TYPE_DEPTH_MAX = 16

/** Messages for one text; after so many nobody reads on. */
export const BDL_DIAGNOSTICS_MAX = 100

assert(BDL_TYPE_DEPTH_MAX <= LEVELS, 'a type that parses may be refused only for what it nests through bags')
