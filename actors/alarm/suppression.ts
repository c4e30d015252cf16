/** Why an alarm is suppressed by design: another fact explains it, and is the alarm. */
export interface Suppression {
  readonly cause: string;
  /** Id of the alarm that is called out instead, where one is known. */
  readonly by?: string;
}

/** The cause under which the alarm of a lost link stands for those of the devices and assets behind it. */
export const BEHIND_LINK = 'connection_lost';
