import { userInfo } from 'node:os'

/** The person at the command line, for the record: the user of this process. */
export function operator(): string {
  try {
    return userInfo().username
  } catch {
    return 'an operator' // the system has no name for this user
  }
}
