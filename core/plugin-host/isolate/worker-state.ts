import type { VConn, VConnArgs } from '../../api/vconn.js'
import type { PlainVConn, Subject } from './messages.js'

/** One transaction, as long as it lasts: its args, and the connections to origins that are known by it alone. */
interface Transaction {
  readonly args: object
  readonly vconns: Map<Subject, VConn>
}

/** What of a plugin's args is in this worker: the same object for the same connection, until that has ended. */
export class WorkerState {
  readonly #vconns = new Map<Subject, VConn>()
  readonly #transactions = new Map<Subject, Transaction>()

  /**
   * @param within the transaction that the connection was named in. It may outlive the connection to its origin, and be
   *   asked about where the args of that are not: what is learnt of it then ends with the transaction
   */
  readonly vconnOf = (plain: PlainVConn, within?: Subject): VConn => {
    const known = this.#vconns.get(plain.id)
    if (known !== undefined) return known
    const isBrief = within !== undefined && plain.direction === 'outbound'
    const all = isBrief ? this.#transactionOf(within).vconns : this.#vconns
    const made = all.get(plain.id) ?? newVConn(plain)
    all.set(plain.id, made)
    return made
  }

  /** The args of a transaction. */
  readonly argsOf = (transaction: Subject): object => this.#transactionOf(transaction).args

  readonly forget = (subject: Subject): void => {
    this.#vconns.delete(subject)
    this.#transactions.delete(subject)
  }

  #transactionOf(subject: Subject): Transaction {
    const known = this.#transactions.get(subject)
    if (known !== undefined) return known
    const made = { args: Object.create(null) as object, vconns: new Map<Subject, VConn>() }
    this.#transactions.set(subject, made)
    return made
  }
}

function newVConn(plain: PlainVConn): VConn {
  const args: Partial<VConnArgs> = Object.create(null)
  return Object.freeze({ ...plain, args })
}
