import { withSession } from 'coatcheck/fetch'
import type { ReactNode } from 'react'
import { Outlet, Scripts } from 'react-router'
import type { Route } from './+types/root'
import { sessionContext } from './session-context.ts'
import { sessions } from './sessions.server.ts'

export const middleware: Route.MiddlewareFunction[] = [
  ({ request, context }, next) =>
    withSession(sessions, request, (session) => {
      context.set(sessionContext, session)
      return next()
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
