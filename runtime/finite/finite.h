/* Random finite networks of a description: what the infinitely wide kernels are the limit of [KR-32].
 *
 * A plan is the network written out as a list of steps, with repeats unrolled and channels counted in units of a width.
 * For a width and a stream of random numbers it gives one network; its outputs on some samples, and the exact sum over
 * parameters of products of derivatives, are its empirical NNGP and NTK. What the limit takes from widths in the source is
 * taken from there, too.
 *
 * Knows the network and nothing of recursion/ and emit/, so that it checks them: layers act on features, with weights,
 * forward and backward. Shares with the reference evaluator which index an index reads (network/index.h). */
#ifndef ENTK_FINITE_H
#define ENTK_FINITE_H

#include "network/network.h"

typedef enum FiniteStatus {
	FINITE_OK,
	FINITE_NO_MEMORY,
	FINITE_OVERFLOW /* a kernel is not finite */
} FiniteStatus;

/* Why no finite network is made of this node; NULL: one is. Answers for every kind of NODE_KINDS. */
const char *finite_refusal(const Node *node);

typedef struct FinitePlan FinitePlan; /* immutable: threads may share it */

/* NULL where the network has no finite counterpart that fits: *refusal says which layer, and why (arena). */
FinitePlan *finite_plan(Arena *arena, const Network *network, char **refusal);

typedef struct FiniteCost {
	double operations; /* floating-point, of one network; drawing its weights counts as FINITE_DRAW_COST each */
	double bytes;      /* at the most */
	double parameters;
} FiniteCost;
#define FINITE_DRAW_COST 100

FiniteCost finite_cost(const FinitePlan *plan, uint32_t width, uint32_t samples, bool with_ntk);

typedef struct FiniteSamples {
	const double *values; /* one after another, channels last */
	uint32_t count;
} FiniteSamples;

/* One network: its empirical NNGP and NTK (count x count each; `ntk` NULL: not wanted). The network, to the last bit,
 * depends on `width`, `seed` and `number` alone. `params` as in Program.params (NULL: their values in the source). */
FiniteStatus finite_kernels(const FinitePlan *plan, const double *params, uint32_t width, uint64_t seed,
			    uint64_t number, const FiniteSamples *x, double *nngp, double *ntk);

#endif
