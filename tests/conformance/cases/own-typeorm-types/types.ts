export type Id = string; export type Num = number | null; export type Words = 'a' | 'b'; export enum Numeric { A, B } export enum Text { A = 'a' } export interface Shape { x: number }
export const Table = { name: 'type_names' };
export const TURNS = ['on', 'off'] as const; export type Turn = (typeof TURNS)[number]; export const MAP = { A: 'a', B: 'b' } as const; export type MapKey = typeof MAP[keyof typeof MAP];
