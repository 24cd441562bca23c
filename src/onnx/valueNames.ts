/** Names of a policy graph's values; an image's input has the image's name. */

export const stateInput = 'state';
/** In the environment's own units. */
export const actionOutput = 'action';
/** The same in [−1, 1]. */
export const normalizedOutput = 'normalized_action';
