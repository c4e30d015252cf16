import { ErrorWithCode } from '../../runtime/errors.ts';
import { until } from './condition.ts';

/** What a store says once it answers, for tests that give it little time: a machine shared with others may need more now and then. */
export async function answered<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  let answer: { readonly is: Answer } | undefined;
  await until('the store answers', async () => {
    try {
      answer = { is: await ask() };
    } catch (error) {
      if (!(error instanceof ErrorWithCode && error.retryable)) throw error;
    }
    return answer !== undefined;
  });
  if (answer === undefined) throw new Error('the store did not answer');
  return answer.is;
}
