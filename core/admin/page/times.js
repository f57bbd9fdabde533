// Times in the zone and the format of the person; how long something lasts in words.
import { now } from './api.js'

const SECOND = 1000

/** The language of numbers and dates. A browser may have one that is none. */
export const LOCALE = (() => {
  try {
    return Intl.getCanonicalLocales(navigator.language)[0] ?? 'en'
  } catch {
    return 'en'
  }
})()
const moment = new Intl.DateTimeFormat(LOCALE, { dateStyle: 'medium', timeStyle: 'long' })
const clock = new Intl.DateTimeFormat(LOCALE, { timeStyle: 'long' })
const day = new Intl.DateTimeFormat(LOCALE, { dateStyle: 'medium' })
const plain = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 2 })

export const number = value => plain.format(value)

const UNREADABLE = 'an unreadable date'
const formatted = (format, time) => {
  // A date that cannot be read is null; one that is out of range would throw.
  if (time === null || time === undefined || Number.isNaN(new Date(time).getTime())) return UNREADABLE
  return format.format(time)
}
/** Day and time, with the zone. */
export const momentText = time => formatted(moment, time)
/** The time alone where it is of this day. */
export const clockText = time =>
  formatted(new Date(time).toDateString() === new Date().toDateString() ? clock : moment, time)
export const dayText = time => formatted(day, time)

/** `18 s`, `3 min 20 s`, `2 h 5 min`, `12 days`, `3 years`. */
export function duration(ms) {
  const seconds = Math.max(0, Math.round(ms / SECOND))
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`
  const hours = Math.floor(minutes / 60)
  if (hours < 48) return `${hours} h ${minutes % 60} min`
  const days = Math.floor(hours / 24)
  return days < 730 ? `${number(days)} days` : `${number(Math.floor(days / 365))} years`
}

export const ago = time => `${duration(now() - time)} ago`

/** How old a certificate is, and until when it holds. */
export function ageText({ notBefore, notAfter }) {
  const at = now()
  const old =
    notBefore === null
      ? `valid from ${UNREADABLE}`
      : notBefore > at
        ? `valid only in ${duration(notBefore - at)}`
        : `${duration(at - notBefore)} old`
  const end =
    notAfter === null
      ? `valid until ${UNREADABLE}`
      : notAfter < at
        ? `expired ${duration(at - notAfter)} ago (${dayText(notAfter)})`
        : `valid until ${dayText(notAfter)}`
  return `${old}, ${end}`
}

/** A `time` element, in the language of its format: a screen reader reads it so. */
export function timeElement(time, text = momentText(time)) {
  const element = document.createElement('time')
  element.lang = LOCALE
  const date = new Date(time ?? Number.NaN)
  if (!Number.isNaN(date.getTime())) {
    element.dateTime = date.toISOString()
    element.title = momentText(time)
  }
  element.textContent = text
  return element
}
