/** The colours of every chart, on paper and in the page. */

/**
 * Colours that stay apart for colour-blind readers: Okabe and Ito's (2008) without the yellow that white swallows, and
 * where they run out three of Tol's muted ones.
 */
export const palette = [
  ...['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#56b4e9', '#e69f00', '#000000'],
  ...['#882255', '#999933', '#44aa99'],
] as const;
