/**
 * @peculiar/x509 2 registers its parts with tsyringe, which refuses to load without the Reflect.getMetadata of decorators
 * (its README: "Reflect Polyfill Required"). It only ever asks for metadata that nobody wrote: constructors without
 * parameters. So an answer of `undefined` is the right one, and a whole polyfill would be a dependency for nothing.
 */
const reflect = Reflect as { getMetadata?: () => undefined; getOwnMetadata?: () => undefined };
reflect.getMetadata ??= () => undefined;
reflect.getOwnMetadata ??= () => undefined;
