/** A query that gets no answer, in the two kinds that Prometheus' HTTP interface knows. */
export class QueryError extends Error {
  /** `bad_data`: the text is wrong or not supported. `execution`: the data does not fit the query. */
  readonly errorType: 'bad_data' | 'execution';

  private constructor(errorType: 'bad_data' | 'execution', message: string) {
    super(message);
    this.name = 'QueryError';
    this.errorType = errorType;
  }

  /** A query that does not parse, or asks for what this evaluator does not have. */
  static at(query: string, offset: number, problem: string): QueryError {
    const before = query.slice(0, offset).split('\n');
    const column = (before.at(-1) ?? '').length + 1;
    return new QueryError('bad_data', `${before.length}:${column}: parse error: ${problem}`);
  }

  static execution(message: string): QueryError {
    return new QueryError('execution', message);
  }
}
