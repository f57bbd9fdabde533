/**
 * What becomes of one setting of the other proxy.
 *
 * - `kept`: the same name and meaning exist here
 * - `changed`: the same meaning, in another spelling or file
 * - `lost`: no counterpart, and nothing that protects
 * - `mind`: in force as before, and worth a warning: nothing is verified, all clients may come in
 * - `undecided`: it protects and cannot be kept; the folder does not start before the operator has decided
 * - `wrong`: a mistake of the input; undecided as well, because its intention is unknown
 */
export type Outcome = 'kept' | 'changed' | 'lost' | 'mind' | 'undecided' | 'wrong'

export interface Finding {
  readonly outcome: Outcome
  /** `records.config:4` */
  readonly where: string
  readonly what: string
}

/** Collects findings, in the order of the input. No finding shows a secret: values of records with secrets are left out. */
export class Findings {
  readonly all: Finding[] = []

  add(outcome: Outcome, where: string, what: string): void {
    if (this.all.some(other => other.outcome === outcome && other.where === where && other.what === what))
      return
    this.all.push({ outcome, where, what })
  }

  of(...outcomes: readonly Outcome[]): readonly Finding[] {
    return this.all.filter(({ outcome }) => outcomes.includes(outcome))
  }
}

/** `1 line means`, `2 lines mean`. */
export const counted = (count: number, what: string): string =>
  count === 1 ? `1 ${what} means` : `${count} ${what}s mean`
