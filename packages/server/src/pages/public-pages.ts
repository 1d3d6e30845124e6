import { Hono } from 'hono'
import type { Authority } from '../authority.ts'
import { apiKeyPages } from './api-key-pages.ts'
import { applicationPages } from './application-pages.ts'
import { dataPages } from './data-pages.ts'
import { userEntrance } from './entrance.ts'
import { loginPages } from './login-pages.ts'
import { logoutPages } from './logout-pages.ts'
import { answerFaults } from './page-errors.ts'
import { PageKit } from './page-kit.ts'
import { passwordPages } from './password-pages.ts'
import { resetPages } from './reset-pages.ts'
import { secondStepPages } from './second-step-pages.ts'
import { sessionPages } from './session-pages.ts'
import { signUpPages } from './sign-up-pages.ts'
import { themeRoutes } from './theme.ts'
import { upstreamPages } from './upstream-pages.ts'
import { wayPages } from './way-pages.ts'

/** The pages that visitors and users see; whatever has no page gets one that says so. */
export function pageRoutes(authority: Authority): Hono {
  const { settings, accounts, sessions, upstream } = authority
  const kit = new PageKit(authority, sessions)
  const app = new Hono()
  answerFaults(app, kit)
  themeRoutes(app, kit.theme, kit.headers())
  const entrance = userEntrance(kit)
  entrance.routes(app)
  const login = loginPages(app, kit, entrance)
  logoutPages(app, kit)
  sessionPages(app, kit)
  secondStepPages(app, kit)
  dataPages(app, kit)
  apiKeyPages(app, kit)
  applicationPages(app, kit)
  if (upstream.providers.length > 0) {
    upstreamPages(app, kit, { entrance, login })
    wayPages(app, kit)
  }
  if (!accounts.delegated) passwordPages(app, kit)
  if (settings.signUp && !accounts.delegated) signUpPages(app, kit, entrance)
  if (accounts.resets) resetPages(app, kit)
  kit.get(app, '/', (c, session) => kit.redirect(c, session.userId === null ? '/login' : '/account'))
  app.all('*', (c) => kit.error(c, 404))
  return app
}
