/* Layers that multiply what arrives by numbers made of a sample's own variances. */
#include <math.h>
#include <stdlib.h>

#include "reference/internal.h"

/* ---- layernorm [KR-64] ---------------------------------------------------------------------------------------- */

/* The mean of v over the axes besides the channels, at every index. */
static double *means(const Node *node, const double *v, uint64_t n)
{
	uint64_t positions = type_positions(&node->type), elements = n / positions;
	bool over_positions = node->as.scaling.positions, over_elements = node->as.scaling.elements;
	double *mean = reference_vector(n);
	for (uint64_t g = 0; mean != NULL && g < n; g++) {
		uint64_t t = g % positions, r = g / positions;
		uint64_t t0 = over_positions ? 0 : t, t1 = over_positions ? positions : t + 1;
		uint64_t r0 = over_elements ? 0 : r, r1 = over_elements ? elements : r + 1;
		double sum = 0;
		for (uint64_t s = r0; s < r1; s++)
			for (uint64_t u = t0; u < t1; u++)
				sum += v[s * positions + u];
		mean[g] = sum / (double)((r1 - r0) * (t1 - t0));
	}
	return mean;
}

/* m[g, h] / sqrt((eps + left[g]) (eps + right[h])) */
static void normalise(uint64_t n, double eps, const double *left, const double *right, double *m)
{
	for (uint64_t g = 0; g < n; g++)
		for (uint64_t h = 0; h < n; h++)
			m[g * n + h] /= sqrt(eps + left[g]) * sqrt(eps + right[h]);
}

static ReferenceStatus layer_layernorm(const Node *node, const double *params, State *in, bool last, State *out)
{
	double eps = scalar_eval(node->as.scaling.eps, params);
	double *v = state_diagonal(in, K11), *z = state_diagonal(in, K22);
	double *left = v != NULL ? means(node, v, in->n) : NULL, *right = z != NULL ? means(node, z, in->n) : NULL;
	ReferenceStatus status = left == NULL || right == NULL ? REFERENCE_NO_MEMORY : REFERENCE_OK;
	out->n = in->n;
	for (Matrix k = K11; k < MATRIX_COUNT && status == REFERENCE_OK; k++) {
		out->a[k] = state_own(in, k, last);
		if (out->a[k] == NULL)
			status = REFERENCE_NO_MEMORY;
		else
			normalise(out->n, eps, k == K22 ? right : left, k == K11 ? left : right, out->a[k]);
	}
	free(v);
	free(z);
	free(left);
	free(right);
	return status;
}

/* ---- dropout [KR-61] ------------------------------------------------------------------------------------------ */

/* A mask agrees with itself only: at equal indices of one sample. */
static ReferenceStatus layer_dropout(const Node *node, const double *params, State *in, bool last, bool same,
				     State *out)
{
	double keep = scalar_eval(node->as.scaling.keep, params);
	out->n = in->n;
	for (Matrix k = K11; k < MATRIX_COUNT; k++) {
		out->a[k] = state_own(in, k, last);
		if (out->a[k] == NULL)
			return REFERENCE_NO_MEMORY;
		bool scaled = node->as.scaling.train && (same || k == K11 || k == K22);
		for (uint64_t g = 0; g < out->n && scaled; g++)
			out->a[k][g * out->n + g] *= 1 / keep;
	}
	return REFERENCE_OK;
}

ReferenceStatus layer_scaling(const Node *node, const double *params, State *in, bool last, bool same, State *out)
{
	switch (node->as.scaling.kind) {
	case SCALING_LAYERNORM:
		return layer_layernorm(node, params, in, last, out);
	case SCALING_DROPOUT:
		return layer_dropout(node, params, in, last, same, out);
	}
	return REFERENCE_UNSUPPORTED;
}
