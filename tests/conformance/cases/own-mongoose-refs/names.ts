export const COUNTRY = 'Country' as const;
