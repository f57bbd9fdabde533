import type { VConn } from '../api/vconn.js'
import type { TlsOrigin } from '../tls/outbound/start-tls.js'
import type { Link } from '../vconn/link.js'
import type { AbsoluteForm } from './parents/http-connect.js'

declare const plain: unique symbol

/** A connection that carries plain HTTP because the request's scheme is `http`. {@link plainOrigin} makes it. */
export interface PlainOrigin {
  readonly link: Link
  readonly peer?: undefined
  readonly vconn: VConn | undefined
  /** Where the connection ends at a parent proxy. */
  readonly form: AbsoluteForm | undefined
  readonly [plain]: true
}

/** What a request may be sent on: a plain connection to an `http` target, or one whose origin has been accepted. */
export type Channel = PlainOrigin | TlsOrigin

export function plainOrigin(
  link: Link,
  vconn: VConn | undefined,
  _target: { readonly scheme: 'http' },
  form?: AbsoluteForm,
): PlainOrigin {
  return { link, vconn, form } as PlainOrigin
}
