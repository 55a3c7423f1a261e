// Names whose values are never read out of the host: a query that asks for one gets the mark instead.
//
// Compared in lower case, without `_ - @ $` and blanks: `X-Api-Key`, `x_api_key` and `xApiKey` are one name.
// CROSSCUT_REDACT adds names, `-name` takes one of ours off. The same for parameters, properties and headers.

export const REDACTED = '[redacted]'

const NAMES = `
  password passwd passphrase pwd pass pin otp mfa secret secretkey clientsecret sharedsecret
  token accesstoken refreshtoken idtoken authtoken bearertoken csrf csrftoken xsrf xsrftoken jwt
  auth authorization proxyauthorization authentication wwwauthenticate credentials credential
  cookie setcookie session sessionid sid connectionstring
  apikey xapikey apisecret appkey accesskey accesskeyid privatekey sshkey signingkey encryptionkey masterkey
  ssn socialsecurity socialsecuritynumber passport cardnumber creditcard creditcardnumber ccnumber cvv cvc
  iban accountnumber pan
`

export type Redaction = (name: string) => boolean

/** `changes` as in CROSSCUT_REDACT. */
export function openRedaction(changes: readonly string[]): Redaction {
  const names = new Set(NAMES.trim().split(/\s+/))
  for (const change of changes) {
    if (change.startsWith('-')) names.delete(normal(change))
    else names.add(normal(change))
  }
  return (name) => names.has(normal(name))
}

const normal = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '')
