import { describeExample } from './journey.ts'

describeExample('react-router', { forgedFormStatus: 400, generatesTypes: true })
