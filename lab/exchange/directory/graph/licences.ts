import { badRequest } from '../../refusal.ts';
import { type GraphRequest, type GraphRoutes, type GraphWorld, page, readBody } from './route.ts';
import { getUser, view } from './users.ts';

/** Licences and who has them (exchange.md §6.1). */
export const LICENCES: GraphRoutes = {
  'GET subscribedSkus': {
    roles: ['LicenseAssignment.Read.All', 'Organization.Read.All', 'Directory.Read.All', 'Directory.ReadWrite.All'],
    answer: (request, { state }) =>
      page(
        request,
        state.skus.map(({ skuId, partNumber, seats, servicePlans }) => ({
          skuId,
          skuPartNumber: partNumber,
          appliesTo: 'User',
          capabilityStatus: 'Enabled',
          consumedUnits: state.takenOf(skuId),
          prepaidUnits: { enabled: seats, suspended: 0, warning: 0 },
          servicePlans: servicePlans.map((servicePlanName) => ({
            servicePlanName,
            provisioningStatus: 'Success',
            appliesTo: 'User',
          })),
        })),
      ),
  },
  'POST users/{id}/assignLicense': {
    roles: ['LicenseAssignment.ReadWrite.All', 'User.ReadWrite.All', 'Directory.ReadWrite.All'],
    answer: assign,
  },
};

function assign({ body }: GraphRequest, { state, lifecycle }: GraphWorld, id: string) {
  const user = getUser(state, id);
  const { addLicenses, removeLicenses } = readBody(body, ['addLicenses', 'removeLicenses']);
  if (!Array.isArray(addLicenses) || !Array.isArray(removeLicenses)) {
    throw badRequest('Both addLicenses and removeLicenses are required.');
  }
  const toRemove = (removeLicenses as unknown[]).map(String);
  const absent = toRemove.find((skuId) => !user.licences.has(skuId));
  if (absent !== undefined) throw badRequest(`User does not have a corresponding license: ${absent}.`);
  const hadMailbox = state.mayHaveMailbox(user);
  const toAdd: string[] = [];
  for (const entry of addLicenses as unknown[]) {
    const skuId = String(readBody(entry, ['skuId', 'disabledPlans'])['skuId']);
    const sku = state.skus.find((one) => one.skuId === skuId);
    if (!sku) throw badRequest(`License ${skuId} does not correspond to a valid company License.`);
    // Recalled, not read: exchange.md §6.1.
    if (user.usageLocation === null) {
      throw badRequest('License assignment cannot be done for user with invalid usage location.');
    }
    if (user.licences.has(skuId)) continue;
    if (state.takenOf(skuId) >= sku.seats) {
      throw badRequest(`Subscription with SKU ${skuId} does not have any available licenses.`);
    }
    toAdd.push(skuId);
  }
  // All or nothing: what was refused above has left no trace.
  for (const skuId of toAdd) user.licences.add(skuId);
  for (const skuId of toRemove) user.licences.delete(skuId);
  if (toAdd.length > 0) lifecycle.licensed(user);
  if (hadMailbox && !state.mayHaveMailbox(user)) lifecycle.unlicensed(user);
  return { status: 200, body: view(state, user, new URLSearchParams()) };
}
