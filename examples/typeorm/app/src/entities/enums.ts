export enum TicketState {
  New = "new",
  Open = "open",
  Waiting = "waiting",
  Solved = "solved",
}

export enum Priority {
  Low = 1,
  Normal,
  High,
  Urgent = 9,
}

export const CHANNELS = ["mail", "chat", "phone", "web"] as const;
export type Channel = (typeof CHANNELS)[number];
