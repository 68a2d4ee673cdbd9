export * from './base.entity'; export { OPTIONS as DEFAULT_OPTIONS, default as Nullable } from './options';
