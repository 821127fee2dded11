import type { FolderPath, FolderRole } from '../../domain/mail.ts';

export type Locale = 'en' | 'de' | 'fr';

export interface LocaleWords {
  /** Share of the mail by weight; INBOX and Sent carry most of it, as in real mailboxes. */
  folders: readonly { path: FolderPath; role: FolderRole; weight: number }[];
  people: readonly [string, ...string[]];
  subjects: readonly [string, ...string[]];
  sentences: readonly [string, ...string[]];
  replyPrefix: string;
  newsletter: string;
}

export const WORDS: Readonly<Record<Locale, LocaleWords>> = {
  en: {
    folders: [
      { path: ['INBOX'], role: 'inbox', weight: 40 },
      { path: ['Sent'], role: 'sent', weight: 22 },
      { path: ['Drafts'], role: 'drafts', weight: 3 },
      { path: ['Trash'], role: 'trash', weight: 5 },
      { path: ['Junk'], role: 'junk', weight: 4 },
      { path: ['Archive'], role: 'archive', weight: 10 },
      { path: ['Projects', 'North Quay', 'Contracts'], role: null, weight: 8 },
      { path: ['Invoices', '2025', 'March'], role: null, weight: 8 },
    ],
    people: ['Anna Hill', 'Tom O’Neil', 'Priya Nair', 'Jack Brown', 'Zoë Field'],
    subjects: [
      'Minutes of Monday',
      'Quote for the roof – second version',
      'Lunch on Thursday?',
      'Invoice 2025-0417',
      'Price: £1,250',
    ],
    sentences: [
      'Please find the figures attached.',
      'Could we move the meeting to Thursday?',
      'The naïve estimate was £1,250; the real one is higher.',
      'Thank you for the quick answer.',
    ],
    replyPrefix: 'Re: ',
    newsletter: 'News from the harbour',
  },
  de: {
    folders: [
      { path: ['INBOX'], role: 'inbox', weight: 40 },
      { path: ['Gesendete Objekte'], role: 'sent', weight: 22 },
      { path: ['Entwürfe'], role: 'drafts', weight: 3 },
      { path: ['Papierkorb'], role: 'trash', weight: 5 },
      { path: ['Spam'], role: 'junk', weight: 4 },
      { path: ['Archiv'], role: 'archive', weight: 10 },
      { path: ['Rechnungen', '2025', 'März'], role: null, weight: 10 },
      { path: ['Kunden', 'Müller & Söhne'], role: null, weight: 6 },
    ],
    people: ['Jürgen Weiß', 'Anja Schröder', 'Karl Bäcker', 'Grete Öhm', 'Sven Maier'],
    subjects: [
      'Rückfrage zum Angebot',
      'Protokoll vom Montag',
      'Rechnung für März',
      'Grüße aus Köln',
      'Terminverschiebung: Übergabe',
    ],
    sentences: [
      'anbei die Zahlen für März.',
      'Können wir den Termin auf Donnerstag verschieben?',
      'Die Größe der Fläche beträgt 120 m², das Angebot liegt bei 1.250 €.',
      'Vielen Dank für die schnelle Antwort.',
    ],
    replyPrefix: 'AW: ',
    newsletter: 'Neues vom Hafen – Frühjahr',
  },
  fr: {
    folders: [
      { path: ['INBOX'], role: 'inbox', weight: 40 },
      { path: ['Envoyés'], role: 'sent', weight: 22 },
      { path: ['Brouillons'], role: 'drafts', weight: 3 },
      { path: ['Corbeille'], role: 'trash', weight: 5 },
      { path: ['Indésirables'], role: 'junk', weight: 4 },
      { path: ['Archives'], role: 'archive', weight: 10 },
      { path: ['Clients', 'Été'], role: null, weight: 8 },
      { path: ['Factures', '2025', 'Février'], role: null, weight: 8 },
    ],
    people: ['Hélène Dupré', 'François Lefèvre', 'Chloé Garçon', 'Noël Petit', 'Aïcha Benali'],
    subjects: [
      'Compte rendu de lundi',
      'Devis n° 417 – révisé',
      'Déjeuner jeudi ?',
      'Facture de février',
      'À propos du contrat',
    ],
    sentences: [
      'Veuillez trouver ci-joint les chiffres.',
      'Pourrions-nous déplacer la réunion à jeudi ?',
      'Le devis révisé s’élève à 1 250 €.',
      'Merci pour votre réponse rapide, à bientôt.',
    ],
    replyPrefix: 'RE : ',
    newsletter: 'Nouvelles du port – été',
  },
};
