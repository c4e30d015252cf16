/** What may cross a wire or stand in a journal row. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
