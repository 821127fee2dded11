/**
 * Loaded into a program that `run-program.js` starts: when the other end of the pipe closes, because the starter was killed,
 * the program gets the SIGTERM that the starter could not send. Children of the program do not inherit this.
 */
import { Socket } from 'node:net';

const fd = process.env['MAILFERRY_LIFELINE_FD'];
delete process.env['MAILFERRY_LIFELINE_FD'];
if (fd !== undefined) {
  const line = new Socket({ fd: Number(fd), readable: true, writable: false });
  line.unref();
  line.on('error', () => undefined);
  line.once('close', () => process.kill(process.pid, 'SIGTERM'));
  line.resume();
}
