import type { Route, RouteOffer } from './routes.ts';

export interface Carried {
  readonly sizeBytes: number;
  /** It must not be taken apart: signed or encrypted. */
  readonly isWhole: boolean;
  /** The route that it was refused by; null: none was tried. */
  readonly after: Route | null;
}

/** The first route in the order of the plan that can carry a message, behind the one that refused it. @returns null: there is none */
export function chooseRoute(offers: readonly RouteOffer[], { sizeBytes, isWhole, after }: Carried): Route | null {
  const from = after === null ? 0 : offers.findIndex(({ route }) => route === after) + 1;
  const offer = offers.slice(from).find(({ maxMessageBytes, keepsSignatures }) => {
    return (maxMessageBytes === null || sizeBytes <= maxMessageBytes) && (keepsSignatures || !isWhole);
  });
  return offer?.route ?? null;
}
