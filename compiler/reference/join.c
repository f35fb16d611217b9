/* Branches joined to one state, one after the other. */
#include <stdlib.h>
#include <string.h>

#include "reference/internal.h"

/* ---- sums [KR-13] --------------------------------------------------------------------------------------------- */

ReferenceStatus layer_sum(State *in, bool last, State *out)
{
	out->n = in->n;
	for (Matrix k = K11; k < MATRIX_COUNT; k++) {
		if (out->a[k] == NULL) {
			out->a[k] = state_own(in, k, last);
			if (out->a[k] == NULL)
				return REFERENCE_NO_MEMORY;
			continue;
		}
		for (uint64_t i = 0; i < in->n * in->n; i++)
			out->a[k][i] += in->a[k][i];
		state_release(in, k, last);
	}
	return REFERENCE_OK;
}

/* ---- products [KR-62] ----------------------------------------------------------------------------------------- */

/* (f g) has K = K_f K_g and Theta = Theta_f K12_g + K12_f Theta_g: more factors follow by repetition. */
static ReferenceStatus layer_product(State *in, bool last, State *out)
{
	uint64_t count = in->n * in->n;
	if (out->a[K11] == NULL)
		return layer_sum(in, last, out);
	for (uint64_t i = 0; i < count; i++)
		out->a[THETA][i] = out->a[THETA][i] * in->a[K12][i] + out->a[K12][i] * in->a[THETA][i];
	for (Matrix k = K11; k < THETA; k++)
		for (uint64_t i = 0; i < count; i++)
			out->a[k][i] *= in->a[k][i];
	for (Matrix k = K11; k < MATRIX_COUNT; k++)
		state_release(in, k, last);
	return REFERENCE_OK;
}

/* ---- concatenations [KR-63] ----------------------------------------------------------------------------------- */

/* The mean over all channels: each branch counts by its own. */
static ReferenceStatus concat_channels(const Node *node, uint32_t index, State *in, bool last, State *out)
{
	double share = (double)node->as.join.branches[index]->type.width / node->type.width;
	uint64_t count = in->n * in->n;
	out->n = in->n;
	for (Matrix k = K11; k < MATRIX_COUNT; k++) {
		if (out->a[k] == NULL)
			out->a[k] = reference_matrix(out->n);
		if (out->a[k] == NULL)
			return REFERENCE_NO_MEMORY;
		for (uint64_t i = 0; i < count; i++)
			out->a[k][i] += share * in->a[k][i];
		state_release(in, k, last);
	}
	return REFERENCE_OK;
}

/* Index of the joined set that index g of a branch becomes, when the branch begins at `first` of the axis. */
static uint64_t joined_index(const Type *from, const Type *to, uint32_t axis, uint32_t first, uint64_t g)
{
	uint64_t positions = type_positions(from), index = 0, stride = 1;
	uint64_t t = g % positions, element = g / positions;
	for (uint32_t a = from->dim; a-- > 0;) {
		uint64_t at = t % from->shape[a] + (a == axis ? first : 0);
		t /= from->shape[a];
		index += stride * at;
		stride *= to->shape[a];
	}
	return element * type_positions(to) + index;
}

/* Branches side by side: entries between different branches are 0. */
static ReferenceStatus concat_axis(const Node *node, uint32_t index, State *in, bool last, State *out)
{
	uint32_t axis = node->as.join.axis, first = 0;
	const Type *from = &node->as.join.branches[index]->type, *to = &node->type;
	for (uint32_t i = 0; i < index; i++)
		first += node->as.join.branches[i]->type.shape[axis];
	out->n = type_size(to);
	for (Matrix k = K11; k < MATRIX_COUNT; k++) {
		if (out->a[k] == NULL)
			out->a[k] = reference_matrix(out->n);
		if (out->a[k] == NULL)
			return REFERENCE_NO_MEMORY;
		for (uint64_t g = 0; g < in->n; g++) {
			double *row = out->a[k] + joined_index(from, to, axis, first, g) * out->n;
			for (uint64_t h = 0; h < in->n; h++)
				row[joined_index(from, to, axis, first, h)] = in->a[k][g * in->n + h];
		}
		state_release(in, k, last);
	}
	return REFERENCE_OK;
}

ReferenceStatus layer_join(const Node *node, uint32_t index, State *in, bool last, State *out)
{
	switch (node->as.join.kind) {
	case JOIN_SUM:
		return layer_sum(in, last, out);
	case JOIN_PRODUCT:
		return layer_product(in, last, out);
	case JOIN_CONCAT:
		return node->as.join.axis == CONCAT_CHANNELS ? concat_channels(node, index, in, last, out)
							     : concat_axis(node, index, in, last, out);
	}
	return REFERENCE_UNSUPPORTED;
}
