import { withSession } from 'coatcheck/fetch'
import type { ReactNode } from 'react'
import { Outlet, Scripts } from 'react-router'
import type { Route } from './+types/root'
import { sessionContext } from './session-context.ts'
import { sessions } from './sessions.server.ts'

export const middleware: Route.MiddlewareFunction[] = [
  ({ request, context }, next) =>
    withSession(sessions, request, async (session) => {
      context.set(sessionContext, session)
      const response = await next()
      if (response.status >= 500) throw response // drops what was written to the session
      return response
    }),
]

export function Layout({ children }: { children: ReactNode }) {
  return (
    <html lang="en">
      <head>
        <meta charSet="utf-8" />
      </head>
      <body>
        {children}
        <Scripts />
      </body>
    </html>
  )
}

export default function App() {
  return <Outlet />
}
