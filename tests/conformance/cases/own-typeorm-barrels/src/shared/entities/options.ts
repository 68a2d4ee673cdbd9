export const OPTIONS = { length: 64 } as const; const Nullable = { nullable: true, ...OPTIONS } satisfies object; export default Nullable;
