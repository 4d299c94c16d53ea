import type { paths } from './contract.js';

type Reply<D> = { responses: { 200: { content: { 'application/json': { data?: D } } } } };

type Of<M extends 'get' | 'post'> = {
  [P in keyof paths as paths[P] extends Record<M, Reply<object>> ? `${Uppercase<M>} ${P}` : never]:
    paths[P] extends Record<M, Reply<infer D>> ? D : never;
};

/** The data of successful replies by method and path, such as 'POST /v1/link'. */
export type Data = Of<'get'> & Of<'post'>;
