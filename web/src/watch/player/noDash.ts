// Stands in for the parser of DASH in the engine of the player (`vite.config.ts`): streams are HLS.

function refuse(): never {
  throw new Error("DASH is not played here.");
}

export const parse = refuse;
export const parseUTCTiming = refuse;
export const addSidxSegmentsToPlaylist = refuse;
export const generateSidxKey = refuse;
