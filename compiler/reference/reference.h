/* Reference evaluator: NNGP and NTK of a network straight from the definitions (math.md 1-9), on the full arrays
 * K11, K12, K22 and Theta over pairs (g, g') of the layers' index sets, in double precision.
 *
 * Slow, small, obviously right. It shares no code with recursion/ and emit/ and no scalar function with the generated
 * programs: it is the oracle of the tests and the backend of `--backend=reference`. */
#ifndef ENTK_REFERENCE_H
#define ENTK_REFERENCE_H

#include "network/network.h"

typedef enum ReferenceStatus {
	REFERENCE_OK,
	REFERENCE_NO_MEMORY,
	REFERENCE_UNSUPPORTED /* a layer without a reference map: a bug */
} ReferenceStatus;

/* Kernels of one pair of samples (positions x channels, channels last), `params` as in Program.params (NULL: their
 * values in the source). `same`: the two are one sample (matters for dropout only). `nngp`, `ntk`: one number each. */
ReferenceStatus reference_pair(const Network *network, const double *params, const double *x, const double *z,
			       bool same, double *nngp, double *ntk);

/* Maps before pooling, for tests: the K12 and Theta arrays at `node` (rows g, columns g'; row-major), sizes squared of
 * positions x group order. The caller frees *k12 and *theta. */
ReferenceStatus reference_map(const Network *network, const Node *node, const double *params, const double *x,
			      const double *z, bool same, double **k12, double **theta, uint64_t *rows);

#endif
