/* Layernorm and dropout. */
#include <math.h>

#include "finite/internal.h"

/* ---- layernorm [KR-64] ---------------------------------------------------------------------------------------- */

/* Indices of one sample that are normalised together: member m of set k is k set_step + m member_step. */
typedef struct Sets {
	size_t count, members, set_step, member_step;
	size_t channels;
	double eps;
} Sets;

static Sets sets_of(const FiniteNet *net, uint32_t s)
{
	const Node *node = net->plan->steps[s].node;
	size_t positions = type_positions(&node->type), elements = type_elements(&node->type);
	bool over_positions = node->as.scaling.positions, over_elements = node->as.scaling.elements;
	Sets sets = {.channels = net->channels[s], .eps = scalar_eval(node->as.scaling.eps, net->params)};
	sets.members = (over_positions ? positions : 1) * (over_elements ? elements : 1);
	sets.count = positions * elements / sets.members;
	sets.member_step = over_positions ? 1 : positions; /* flat order: elements slowest */
	sets.set_step = over_positions ? positions : 1;
	return sets;
}

/* Mean over a set and all channels, and 1 / sqrt(eps + variance); 0 where that would be infinite. */
static void moments(const Sets *sets, const double *x, double *mean, double *scale)
{
	double sum = 0, squares = 0, count = (double)(sets->members * sets->channels);
	for (size_t m = 0; m < sets->members; m++)
		for (size_t c = 0; c < sets->channels; c++)
			sum += x[m * sets->member_step * sets->channels + c];
	*mean = sum / count;
	for (size_t m = 0; m < sets->members; m++) {
		for (size_t c = 0; c < sets->channels; c++) {
			double centred = x[m * sets->member_step * sets->channels + c] - *mean;
			squares += centred * centred;
		}
	}
	double variance = sets->eps + squares / count;
	*scale = variance > 0 ? 1 / sqrt(variance) : 0;
}

static void normalise(const Sets *sets, const double *x, double *out)
{
	double mean, scale;
	moments(sets, x, &mean, &scale);
	for (size_t m = 0; m < sets->members; m++)
		for (size_t c = 0; c < sets->channels; c++) {
			size_t i = m * sets->member_step * sets->channels + c;
			out[i] = (x[i] - mean) * scale;
		}
}

/* With z the outputs and d their cotangents: scale (d - mean(d) - z mean(d z)). */
static void pull_back(const Sets *sets, const double *x, const double *z, const double *d, double *to)
{
	double mean, scale, sum = 0, product = 0, count = (double)(sets->members * sets->channels);
	moments(sets, x, &mean, &scale);
	for (size_t m = 0; m < sets->members; m++) {
		for (size_t c = 0; c < sets->channels; c++) {
			size_t i = m * sets->member_step * sets->channels + c;
			sum += d[i];
			product += d[i] * z[i];
		}
	}
	for (size_t m = 0; m < sets->members; m++)
		for (size_t c = 0; c < sets->channels; c++) {
			size_t i = m * sets->member_step * sets->channels + c;
			to[i] += scale * (d[i] - sum / count - z[i] * product / count);
		}
}

void forward_layernorm(FiniteNet *net, uint32_t s)
{
	const Step *step = &net->plan->steps[s];
	Sets sets = sets_of(net, s);
	size_t batch = (size_t)net->samples * step->copies, size = step->indices * sets.channels;
	for (size_t b = 0; b < batch; b++)
		for (size_t k = 0; k < sets.count; k++) {
			size_t first = b * size + k * sets.set_step * sets.channels;
			normalise(&sets, net->features[step->inputs[0]] + first, net->features[s] + first);
		}
}

void backward_layernorm(FiniteNet *net, uint32_t s)
{
	const Step *step = &net->plan->steps[s];
	Sets sets = sets_of(net, s);
	size_t batch = (size_t)net->samples * step->copies, size = step->indices * sets.channels;
	double *to = step_into(net, step->inputs[0]);
	for (size_t b = 0; b < batch; b++)
		for (size_t k = 0; k < sets.count; k++) {
			size_t first = b * size + k * sets.set_step * sets.channels;
			pull_back(&sets, net->features[step->inputs[0]] + first, net->features[s] + first,
				  net->cotangents[s] + first, to + first);
		}
}

/* ---- dropout [KR-61] ------------------------------------------------------------------------------------------ */

/* Masks are independent between samples, copies, indices and channels. A sample's depend on its number, not on how many
 * there are, and come again in the backward pass. */
static Random masks_begin(const FiniteNet *net, uint32_t s, uint32_t sample)
{
	return random_begin(net->mask_seed, s, sample);
}

static double mask(Random *random, double keep)
{
	return (double)(random_bits(random) >> 11) * 0x1p-53 < keep ? 1 / keep : 0;
}

static double keep_of(const FiniteNet *net, uint32_t s)
{
	return scalar_eval(net->plan->steps[s].node->as.scaling.keep, net->params);
}

void forward_dropout(FiniteNet *net, uint32_t s)
{
	const double *from = net->features[net->plan->steps[s].inputs[0]];
	size_t size = step_numbers(net, s) / net->samples;
	double keep = keep_of(net, s), *out = net->features[s];
	for (uint32_t sample = 0; sample < net->samples; sample++) {
		Random random = masks_begin(net, s, sample);
		for (size_t i = sample * size; i < (sample + 1) * size; i++)
			out[i] = mask(&random, keep) * from[i];
	}
}

void backward_dropout(FiniteNet *net, uint32_t s)
{
	size_t size = step_numbers(net, s) / net->samples;
	double keep = keep_of(net, s), *to = step_into(net, net->plan->steps[s].inputs[0]);
	for (uint32_t sample = 0; sample < net->samples; sample++) {
		Random random = masks_begin(net, s, sample);
		for (size_t i = sample * size; i < (sample + 1) * size; i++)
			to[i] += mask(&random, keep) * net->cotangents[s][i];
	}
}
