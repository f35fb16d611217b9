/* Branches joined to one value: sums, products, concatenations. */
#include <math.h>
#include <string.h>

#include "finite/internal.h"

static void add(const double *from, size_t count, double *to)
{
	for (size_t i = 0; i < count; i++)
		to[i] += from[i];
}

static void multiply(const double *from, size_t count, double *to)
{
	for (size_t i = 0; i < count; i++)
		to[i] *= from[i];
}

/* ---- sums [KR-13], and a flatten: the same numbers ------------------------------------------------------------ */

void forward_sum(FiniteNet *net, uint32_t s)
{
	const Step *step = &net->plan->steps[s];
	size_t count = step_numbers(net, s);
	memcpy(net->features[s], net->features[step->inputs[0]], count * sizeof(double));
	for (uint32_t i = 1; i < step->input_count; i++)
		add(net->features[step->inputs[i]], count, net->features[s]);
}

void backward_sum(FiniteNet *net, uint32_t s)
{
	const Step *step = &net->plan->steps[s];
	size_t count = step_numbers(net, s);
	for (uint32_t i = 0; i < step->input_count; i++) {
		double *to = step_into(net, step->inputs[i]);
		if (to != NULL)
			add(net->cotangents[s], count, to);
	}
}

/* ---- products [KR-62] ----------------------------------------------------------------------------------------- */

void forward_product(FiniteNet *net, uint32_t s)
{
	const Step *step = &net->plan->steps[s];
	size_t count = step_numbers(net, s);
	memcpy(net->features[s], net->features[step->inputs[0]], count * sizeof(double));
	for (uint32_t i = 1; i < step->input_count; i++)
		multiply(net->features[step->inputs[i]], count, net->features[s]);
}

/* The other factors are multiplied, not divided out: any of them may be 0. */
void backward_product(FiniteNet *net, uint32_t s)
{
	const Step *step = &net->plan->steps[s];
	size_t count = step_numbers(net, s);
	for (uint32_t i = 0; i < step->input_count; i++) {
		double *to = step_into(net, step->inputs[i]);
		if (to == NULL)
			continue;
		memcpy(net->rows, net->cotangents[s], count * sizeof(double));
		for (uint32_t k = 0; k < step->input_count; k++)
			if (k != i)
				multiply(net->features[step->inputs[k]], count, net->rows);
		add(net->rows, count, to);
	}
}

/* ---- concatenations [KR-63] ----------------------------------------------------------------------------------- */

/* The features are `outer` stretches, each with a block of every branch side by side. */
static size_t outer_count(const FiniteNet *net, const Step *step)
{
	const Type *type = &step->node->type;
	uint32_t axis = step->node->as.join.axis;
	if (axis == CONCAT_CHANNELS)
		return step_rows(net, step);
	size_t count = (size_t)net->samples * step->copies * type_elements(type);
	for (uint32_t a = 0; a < axis; a++)
		count *= type->shape[a];
	return count;
}

/* Concatenated channels count in the limit by the widths in the source. Where the network's are in another ratio, as raw
 * channels always are, a branch is multiplied by what makes up for it. */
static double branch_scale(const FiniteNet *net, uint32_t s, uint32_t branch)
{
	const Step *step = &net->plan->steps[s];
	const Node *node = step->node;
	if (node->as.join.axis != CONCAT_CHANNELS)
		return 1;
	double declared = (double)node->as.join.branches[branch]->type.width * (double)net->channels[s];
	double actual = (double)node->type.width * (double)net->channels[step->inputs[branch]];
	return sqrt(declared / actual);
}

void forward_concat(FiniteNet *net, uint32_t s)
{
	const Step *step = &net->plan->steps[s];
	size_t outer = outer_count(net, step), stretch = step_numbers(net, s) / outer, first = 0;
	for (uint32_t i = 0; i < step->input_count; i++) {
		size_t block = step_numbers(net, step->inputs[i]) / outer;
		const double *from = net->features[step->inputs[i]];
		double scale = branch_scale(net, s, i), *out = net->features[s] + first;
		for (size_t o = 0; o < outer; o++)
			for (size_t k = 0; k < block; k++)
				out[o * stretch + k] = scale * from[o * block + k];
		first += block;
	}
}

void backward_concat(FiniteNet *net, uint32_t s)
{
	const Step *step = &net->plan->steps[s];
	size_t outer = outer_count(net, step), stretch = step_numbers(net, s) / outer, first = 0;
	for (uint32_t i = 0; i < step->input_count; i++) {
		size_t block = step_numbers(net, step->inputs[i]) / outer;
		const double *from = net->cotangents[s] + first;
		double scale = branch_scale(net, s, i), *to = step_into(net, step->inputs[i]);
		for (size_t o = 0; to != NULL && o < outer; o++)
			for (size_t k = 0; k < block; k++)
				to[o * block + k] += scale * from[o * stretch + k];
		first += block;
	}
}
