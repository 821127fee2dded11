import { escapeHtml } from '../../api/report-page.ts';
import type { CaughtMail } from './mail-catcher.ts';

/** The caught mails for a person, newest first, with their links to follow. It holds no script and loads itself again. */
export function renderCatcherPage(messages: readonly CaughtMail[]): string {
  const mails = messages.toReversed().map(
    (mail) => `<article><h2>${escapeHtml(mail.subject)}</h2>
<p class="who">to ${escapeHtml(mail.to)}, from ${escapeHtml(mail.from)}, <time>${escapeHtml(mail.caughtAt)}</time></p>
<pre>${withLinks(mail)}</pre></article>`,
  );
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,"><meta http-equiv="refresh" content="5"><title>Caught mail (${messages.length})</title>
<style>:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:1.5rem auto;padding:0 1rem}
article{border-top:1px solid #8886;padding:.5rem 0}h1{font-size:1.4rem}h2{font-size:1.05rem;margin:.5rem 0 0}
.who{margin:0;opacity:.75;font-size:.9rem}pre{font:inherit;white-space:pre-wrap;overflow-wrap:anywhere}</style>
<h1>Caught mail</h1>
${mails.join('\n') || '<p>None yet.</p>'}
</html>
`;
}

function withLinks({ text, links }: CaughtMail): string {
  let rest = text;
  let html = '';
  for (const link of links) {
    const at = rest.indexOf(link);
    if (at < 0) continue;
    html += `${escapeHtml(rest.slice(0, at))}<a href="${escapeHtml(link)}" target="_blank" rel="noreferrer">${escapeHtml(link)}</a>`;
    rest = rest.slice(at + link.length);
  }
  return html + escapeHtml(rest);
}
