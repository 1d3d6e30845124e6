/** An attack that the reader's own browser is led into, by a page of another site. */
export interface BrowserAttack {
  readonly id: string
  readonly title: string
  readonly promise: string
  readonly idea: string
  readonly defence: string
  /** On the attacker's site. */
  readonly path: string
  /** What the link to it says. */
  readonly action: string
}

export const BROWSER_ATTACKS: readonly BrowserAttack[] = [
  {
    id: 'cross-site-post',
    title: 'A form on another site',
    promise: 'P11 secure by default; CSRF-01, CK-05',
    idea: 'You are shopping here. In another tab a page offers you a prize; its button sends a form to this shop, and your browser brings your cookies along.',
    defence:
      'SameSite=Lax keeps the session cookie out of such a form. And whatever comes: Sec-Fetch-Site says that another site sent it, so the shop refuses and changes nothing.',
    path: '/prize',
    action: 'Visit the attacker’s prize page',
  },
  {
    id: 'framed-page',
    title: 'The shop in a frame (clickjacking)',
    promise: 'P11 secure by default; HDR-04',
    idea: 'The attacker shows your account in an invisible frame under a button of the own page: you click the one and hit the other.',
    defence:
      'Content-Security-Policy: frame-ancestors ’none’ and X-Frame-Options: DENY. The browser shows no page of this shop in anybody’s frame.',
    path: '/frame',
    action: 'Visit the page with the frame',
  },
  {
    id: 'login-csrf',
    title: 'Logged in as somebody else (login CSRF)',
    promise: 'P5 fixation is impossible; LIO-05',
    idea: 'Another site logs you in, to the attacker’s account. You notice nothing, enter your address, and the attacker reads it there.',
    defence:
      'A log-in that another site’s page caused is refused like any other forged request, even with the right password, and although no cookie came along.',
    path: '/login',
    action: 'Visit the attacker’s log-in page',
  },
]
