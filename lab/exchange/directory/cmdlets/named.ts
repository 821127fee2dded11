import type { LabObjects } from '../objects.ts';
import type { TenantState } from '../state.ts';
import { alreadyThere, type Cmdlets, identityOf, notFound, type ParameterKind, type Values } from './cmdlet.ts';

/** Get, New, Set and Remove of objects that are their parameters under a name: connectors, rules, policies. */
export function named(
  noun: string,
  objects: (state: TenantState) => LabObjects,
  fields: Readonly<Record<string, ParameterKind>>,
): Cmdlets {
  return {
    [`Get-${noun}`]: {
      takes: { Identity: 'text' },
      run: (state, values) =>
        values['Identity'] === undefined ? [...objects(state).values()] : [getNamed(objects(state), values)],
    },
    [`New-${noun}`]: {
      needs: { Name: 'text' },
      takes: fields,
      run: (state, values) => {
        const name = String(values['Name']);
        if (objects(state).has(name)) throw alreadyThere(name);
        const made = { State: values['Enabled'] === false ? 'Disabled' : 'Enabled', ...values };
        objects(state).set(name, made);
        return [made];
      },
    },
    [`Set-${noun}`]: {
      needs: { Identity: 'text' },
      takes: fields,
      run: (state, { Identity, ...changes }) => {
        Object.assign(getNamed(objects(state), { Identity }), changes);
        return [];
      },
    },
    [`Remove-${noun}`]: {
      needs: { Identity: 'text' },
      takes: { Confirm: 'switch' },
      run: (state, values) => {
        getNamed(objects(state), values);
        objects(state).delete(identityOf(values));
        return [];
      },
    },
  };
}

export function getNamed(objects: LabObjects, values: Values): Record<string, unknown> {
  return objects.get(identityOf(values)) ?? notFound(identityOf(values));
}
