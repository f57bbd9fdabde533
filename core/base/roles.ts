/** What a token or a login of the management API may do. Each role may do what those before it may. */
export const ROLES = ['read', 'decide', 'change'] as const
export type Role = (typeof ROLES)[number]

/** The role of a token or a login that names no role. */
export const ALL_RIGHTS: Role = 'change'

/** The header field with the name of the user of `ctl`, for the record: it proves nothing. */
export const OPERATOR_FIELD = 'x-portcullis-operator'

export function isRole(text: unknown): text is Role {
  return ROLES.some(role => role === text)
}

export function covers(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed)
}
