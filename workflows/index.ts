/** The bundler's entry: each function here is a workflow type, so nothing else may be exported. */
export { mailboxPass } from './mailbox-pass.ts';
export { mailboxWave } from './mailbox-wave.ts';
export { migration } from './migration.ts';
export { preflight } from './preflight.ts';
export { provisioning } from './provisioning.ts';
export { support } from './support.ts';
