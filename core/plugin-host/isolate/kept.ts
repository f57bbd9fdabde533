import type { VConn, VConnArgs } from '../../api/vconn.js'
import type { PlainVConn, Subject } from './messages.js'

/** What of a plugin's args is in this worker: the same object for the same connection, until that has ended. */
export class Kept {
  readonly #vconns = new Map<Subject, VConn>()
  readonly #transactions = new Map<Subject, object>()

  readonly vconnOf = (plain: PlainVConn): VConn => {
    const known = this.#vconns.get(plain.id)
    if (known !== undefined) return known
    const args: Partial<VConnArgs> = Object.create(null)
    const vconn = Object.freeze({ ...plain, args })
    this.#vconns.set(plain.id, vconn)
    return vconn
  }

  /** The args of a transaction. */
  readonly argsOf = (transaction: Subject): object => {
    const known = this.#transactions.get(transaction)
    if (known !== undefined) return known
    const args: object = Object.create(null)
    this.#transactions.set(transaction, args)
    return args
  }

  forget(subject: Subject): void {
    this.#vconns.delete(subject)
    this.#transactions.delete(subject)
  }
}
