import { describe, expect, test } from 'vitest';
import { findRoleByName } from './folder-names.ts';
import { type NamedRole, ROLE_NAMES } from './folder-role-names.ts';

const ROLES = ['sent', 'drafts', 'trash', 'junk', 'archive'] as const satisfies readonly NamedRole[];

/** Words that are one role with one program and another with the next. */
const DOUBTFUL = ['Śmieci', 'Szemét', 'Gunoi', '垃圾箱'];

describe('the names of roles', () => {
  test('T7: are known in at least 25 languages, each role in each', () => {
    const languages = Object.values(ROLE_NAMES);
    expect(languages.length).toBeGreaterThanOrEqual(25);
    for (const names of languages) for (const role of ROLES) expect(names[role].length).toBeGreaterThan(0);
  });

  test.each(Object.keys(ROLE_NAMES))('T7: of %s all say their role', (language) => {
    const told = ROLES.flatMap((role) => (ROLE_NAMES[language]?.[role] ?? []).map((name) => ({ name, role })));
    const wrong = told.filter(({ name, role }) => !DOUBTFUL.includes(name) && findRoleByName(name) !== role);
    expect(wrong).toEqual([]);
  });

  test.each(DOUBTFUL)('%s, which is trash to one and junk to another, says nothing', (name) => {
    expect(findRoleByName(name)).toBeNull();
  });

  test.each([
    ['Objets envoyés', 'sent'],
    ['OBJETS ENVOYE\u0301S', 'sent'],
    ['sent-mail', 'sent'],
    ['SENT_ITEMS', 'sent'],
    ['ENTWÜRFE', 'drafts'],
    ['Uønsket e-mail', 'junk'],
    ['Junk-E-Mail', 'junk'],
    ['Ｓｅｎｔ　Ｉｔｅｍｓ', 'sent'],
    ['ｺﾞﾐ箱', 'trash'],
    ['SİLİNMİŞ ÖĞELER', 'trash'],
    ['silinmiş öğeler', 'trash'],
    ['ARŞIV', 'archive'],
    ['ΠΡΟΧΕΙΡΑ', 'drafts'],
    ['ΚΑΔΟΣ', 'trash'],
    ['κάδος', 'trash'],
    ['удаленные', 'trash'],
    ['\u200fטיוטות', 'drafts'],
    ['inbox', 'inbox'],
  ])('T7: %s is %s, whatever its case, accents and width', (name, role) => {
    expect(findRoleByName(name)).toBe(role);
  });

  test.each(['Rechnungen', 'constructor', 'Outbox', 'Postausgang', 'Sent to Anna', ''])('%j says nothing', (name) => {
    expect(findRoleByName(name)).toBeNull();
  });
});
