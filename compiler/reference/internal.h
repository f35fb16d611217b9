/* What the files of the reference evaluator share.
 *
 *   reference.c        walks the network: scopes, repeats, augmentation, who still reads what
 *   layer.c  one function per layer: a map of the state
 *   join.c   branches joined to one state
 *   scaling.c normalisation, dropout
 *   duals/             duals of the nonlinearities, one file each
 *   program.c          entk_program() of `--backend=reference` */
#ifndef ENTK_REFERENCE_INTERNAL_H
#define ENTK_REFERENCE_INTERNAL_H

#include "network/index.h"
#include "reference/reference.h"

/* The four matrices of a state [KR-1]; all are n x n, row-major, as both samples stand on the same index set. */
typedef enum Matrix { K11, K12, K22, THETA, MATRIX_COUNT } Matrix;

typedef struct State {
	uint64_t n;
	double *a[MATRIX_COUNT]; /* NULL once released */
} State;

void state_free(State *state);
/* n x n numbers, zeroed; NULL when they do not fit into memory. */
double *reference_matrix(uint64_t n);
double *reference_vector(uint64_t n);

/* Matrix k of the input for a map that works in place: the input's own, or a copy; NULL without memory. */
double *state_own(State *in, Matrix k, bool last);
/* Matrix k of the input has been read for the last time. */
void state_release(State *in, Matrix k, bool last);
/* The diagonal of a matrix; NULL without memory. */
double *state_diagonal(const State *state, Matrix k);

/* A layer gets its input and `last`: true if nobody reads the input after it, so that it may be released or reused
 * piece by piece. On success `out` is complete; after an error what is in `in` and `out` is still to be freed. */
ReferenceStatus layer_input(const Node *node, const double *x, const double *z, State *out);
ReferenceStatus layer_weights(const Node *node, const double *params, State *in, bool last, State *out);
ReferenceStatus layer_map(const Node *node, State *in, bool last, State *out);
ReferenceStatus layer_pointwise(const Node *node, const double *params, State *in, bool last, State *out);
/* `same`: x and z are one sample [KR-61]. */
ReferenceStatus layer_scaling(const Node *node, const double *params, State *in, bool last, bool same, State *out);
/* Joins branch `index` of the node to what is in `out` of the branches before it. */
ReferenceStatus layer_join(const Node *node, uint32_t index, State *in, bool last, State *out);
/* Adds a branch to `out`; the first branch is copied (out->a all NULL). */
ReferenceStatus layer_sum(State *in, bool last, State *out);

#endif
