/**
 * Alternative services (RFC 7838): an origin names another host, port or protocol, such as HTTP/3, under which a client may
 * reach it. A client that follows it goes round the proxy, or comes back with what the proxy has not judged.
 */

/** In responses and in their trailers. */
const OFFER = 'alt-svc'
/** In requests: the alternative that the client uses. */
const USE = 'alt-used'

/**
 * @param fields names and values in turn
 * @returns the same fields without those about alternative services
 */
export function withoutAlternatives<T extends readonly string[]>(fields: T): T | string[] {
  let kept: string[] | undefined
  for (let i = 0; i < fields.length; i += 2) {
    const [name = '', value = ''] = [fields[i], fields[i + 1]]
    if (isAlternative(name)) kept ??= fields.slice(0, i)
    else kept?.push(name, value)
  }
  return kept ?? fields
}

/** The length rules most names out before a string in lower case is made. */
function isAlternative(name: string): boolean {
  if (name.length !== OFFER.length && name.length !== USE.length) return false
  const field = name.toLowerCase()
  return field === OFFER || field === USE
}
