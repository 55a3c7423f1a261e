// Every bound of the recorder, with its reason. A page is somebody's visit: it must not notice us.

/** Spans of one page, its whole life long: a browser keeps 250 resources; the rest is for blocks. */
export const SPANS_MAX = 500
/** Of these, what the application makes: a flood of its own leaves room for what the browser measured. */
export const OWN_SPANS_MAX = 300
/** Of one span: what ingest keeps is 128. */
export const LINKS_MAX = 100
export const POINTS_MAX = 100
export const ATTRIBUTES_MAX = 32
/** Characters of a value: a URL with a path of its own, not a document. */
export const VALUE_LENGTH_MAX = 512
export const NAME_LENGTH_MAX = 128
/** What waits before it is sent: more than that is sent at once. */
export const WAITING_SPANS_MAX = 100
/** Of one body: browsers take beacons of 64 KiB in all, and characters may need three bytes. */
export const BODY_LENGTH_MAX = 40_000
/** After the load event, as long as resources and blocks still come: first views are drawn then. */
export const SETTLE_MS = 1000
/** A block that was not ended by then is not waited for: what never ends must not keep the page back. */
export const SETTLE_MS_MAX = 15_000
