/** The version of the package. Hosts of two builds do not call one another. */
export const BUILD = "0.1.0";
