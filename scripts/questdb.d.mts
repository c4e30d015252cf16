export const QUESTDB_JAR: string;
export function fetchQuestDb(): void;
