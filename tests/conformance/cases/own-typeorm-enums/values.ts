export enum Role { Admin = 'admin', User = 'user', Guest = `guest` }
export enum Level { Low = 1, Mid, High = 1 << 3, Top = High | 1 }
export enum Size { S = 's', M = 'm' }
export const Kinds = { A: 'a', B: 'b', N: 1 } as const;
export const LIST = ['x', 'y'] as const;
export type Kind = (typeof Kinds)[keyof typeof Kinds];
export const pick = (prefix: string) => [`${prefix}_one`, `${prefix}_two`];
export namespace Group { export enum Inner { P = 'p', Q = 'q' } }
export enum Mixed { Zero, Text = 'text' }
