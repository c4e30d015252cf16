import { z } from 'zod';

/** What a person writes: a reason, a comment. Never empty. */
export const Text = z.string().trim().min(1, 'must not be empty').max(2000);
