import { type MemoryMailOptions, MemoryMailSystem } from '../../adapters/memory/mail.ts';
import { createRoutedTarget } from '../../domain/routed-target.ts';
import { mailSourceContract } from './mail-source.suite.ts';
import { mailTargetContract } from './mail-target.suite.ts';

mailSourceContract('memory', async () => {
  const system = new MemoryMailSystem();
  return {
    open: async () => system.openSource(),
    addFolder: async (path, role = null) => void system.addFolder(path, role),
    addMessage: async (path, { raw, flags, internalDate }) => void system.addMessage(path, raw, flags, internalDate),
    removeMessage: async (path, at) => system.removeMessage(path, system.getFolder(path).messages[at]?.uid ?? 0),
    setFlags: async (path, at, flags) => system.setFlags(path, system.getFolder(path).messages[at]?.uid ?? 0, flags),
    close: async () => {},
    can: {
      specialUse: true,
      tracks: 'flags-and-vanished',
      anyBytes: true,
      renumber: async (path) => system.renumber(path),
    },
  };
});

const EXCHANGE_LIKE = { keys: true, appendsMany: false, keywords: false, caseInsensitive: true } as const;
const VARIANTS: readonly MemoryMailOptions[] = [
  { separator: '/' },
  { separator: '.', reportsUid: false },
  { fidelity: 'content' },
  { ...EXCHANGE_LIKE, fidelity: 'content', route: 'ews' },
  { ...EXCHANGE_LIKE, fidelity: 'parts', route: 'graph-json', visibleAfterMs: 30_000 },
];

for (const options of VARIANTS) {
  mailTargetContract(`memory, ${JSON.stringify(options)}`, async () => {
    let now = 0;
    const system = new MemoryMailSystem({ ...options, clock: () => now });
    const { visibleAfterMs = 0, keywords = true, caseInsensitive = false } = options;
    return {
      open: async () => system.openTarget(),
      addFolder: async (path, role = null) => void system.addFolder(path, role),
      close: async () => {},
      can: { specialUse: true, keywords, ...(caseInsensitive && { caseInsensitive }) },
      ...(visibleAfterMs > 0 && {
        settle: async () => {
          now += visibleAfterMs;
        },
      }),
    };
  });
}

mailTargetContract('memory, by two routes', async () => {
  const system = new MemoryMailSystem({ appendsMany: false });
  const offer = { maxMessageBytes: null, keepsSignatures: true } as const;
  return {
    open: async () => {
      const main = system.openTarget({ route: 'ews', fidelity: 'content', keys: true });
      const way = { offer: { route: 'imap', fidelity: 'bytes', ...offer }, sameUids: true } as const;
      return createRoutedTarget(main, { route: 'ews', fidelity: 'content', ...offer }, [
        { ...way, open: async () => system.openTarget() },
      ]);
    },
    addFolder: async (path, role = null) => void system.addFolder(path, role),
    close: async () => {},
    can: { specialUse: true, keywords: true },
  };
});
