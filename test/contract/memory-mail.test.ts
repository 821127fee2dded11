import { MemoryMailSystem } from '../../adapters/memory/mail.ts';
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

for (const options of [{ separator: '/' }, { separator: '.', reportsUid: false }]) {
  mailTargetContract(`memory, ${JSON.stringify(options)}`, async () => {
    const system = new MemoryMailSystem(options);
    return {
      open: async () => system.openTarget(),
      addFolder: async (path, role = null) => void system.addFolder(path, role),
      close: async () => {},
      can: { specialUse: true, keywords: true },
    };
  });
}
