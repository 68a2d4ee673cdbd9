export * from "./base";
export * from "./enums";
export * from "./people";
export * from "./ticket";
