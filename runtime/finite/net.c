/* One random network: its parameters, its outputs, its kernels, and what it costs. */
#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "finite/internal.h"

size_t step_numbers(const FiniteNet *net, uint32_t s)
{
	return step_rows(net, &net->plan->steps[s]) * net->channels[s];
}

double *step_into(const FiniteNet *net, uint32_t input)
{
	return net->plan->steps[input].trained ? net->cotangents[input] : NULL;
}

/* ---- cost ----------------------------------------------------------------------------------------------------- */

/* Sizes as doubles: nothing overflows, however large the network. */
typedef struct StepCost {
	double rows;     /* of all samples */
	double features; /* numbers */
	double tap_size; /* weights of one tap */
	double parameters;
	double gathered; /* scratch: numbers of the rows that one tap reads, or of a factor's cotangents */
	double operations;
} StepCost;

static StepCost step_cost(const FinitePlan *plan, uint32_t s, uint32_t width, uint32_t samples, bool with_ntk)
{
	const Step *step = &plan->steps[s];
	double channels = (double)channels_count(&plan->channels, step->channels, width), n = samples;
	StepCost cost = {.rows = n * step->copies * (double)step->indices};
	cost.features = cost.rows * channels;
	cost.operations = 4 * cost.features;
	if (step->op == STEP_INPUT)
		cost.gathered = step->copies * (double)step->indices * channels;
	if (step->op == STEP_POOL)
		cost.operations = 2 * n * step->copies * (double)step->matrix->start[step->indices] * channels;
	if (step->op == STEP_POINTWISE)
		cost.operations = 20 * cost.features;
	if (step->op == STEP_LAYERNORM || step->op == STEP_DROPOUT)
		cost.operations = 20 * cost.features;
	if (step->op == STEP_PRODUCT) {
		double factors = step->input_count;
		cost.operations = factors * (with_ntk ? factors + 1 : 1) * cost.features;
		cost.gathered = cost.features;
	}
	if (step->op == STEP_WEIGHTS) {
		double from = (double)channels_count(&plan->channels, plan->steps[step->inputs[0]].channels, width);
		double taps = step->taps->taps;
		bool inner = plan->steps[step->inputs[0]].trained;
		cost.tap_size = from * channels;
		cost.parameters =
			taps * cost.tap_size + (step->node->as.weights.affine.bias_std != NULL ? channels : 0);
		cost.gathered = cost.rows * from;
		double product = 2 * cost.rows * taps * cost.tap_size;
		cost.operations = product * (with_ntk ? 2 + inner : 1) + FINITE_DRAW_COST * cost.parameters;
		cost.operations += 4 * cost.gathered * taps; /* moved */
		if (with_ntk)
			cost.operations += 2 * n * n * taps * cost.tap_size;
	}
	return cost;
}

FiniteCost finite_cost(const FinitePlan *plan, uint32_t width, uint32_t samples, bool with_ntk)
{
	FiniteCost total = {0};
	double numbers = 0, gathered = 0, gradients = 0;
	for (uint32_t s = 0; s < plan->step_count; s++) {
		StepCost cost = step_cost(plan, s, width, samples, with_ntk);
		total.operations += cost.operations;
		total.parameters += cost.parameters;
		numbers += cost.features * (with_ntk ? 2 : 1) + cost.parameters;
		gathered = fmax(gathered, cost.gathered);
		gradients =
			fmax(gradients, samples * fmax(cost.tap_size, cost.rows > 0 ? cost.features / cost.rows : 0));
	}
	total.bytes = (numbers + gathered + (with_ntk ? gradients : 0)) * sizeof(double);
	return total;
}

/* ---- one network ---------------------------------------------------------------------------------------------- */

static double *numbers(double count)
{ /* BLAS counts in int, but per matrix; here the bound is that of memory */
	return count < (double)(SIZE_MAX / sizeof(double)) ? malloc(sizeof(double) * ((size_t)count + 1)) : NULL;
}

FiniteStatus finite_net_create(const FinitePlan *plan, const double *params, uint32_t width, uint32_t samples,
			       bool with_ntk, FiniteNet *net)
{
	uint32_t steps = plan->step_count;
	double parameters = 0, gathered = 0, gradients = 0;
	*net = (FiniteNet){.plan = plan, .params = params, .samples = samples};
	net->channels = calloc(steps, sizeof *net->channels);
	net->first = calloc(steps, sizeof *net->first);
	net->features = calloc(steps, sizeof *net->features);
	net->cotangents = calloc(steps, sizeof *net->cotangents);
	if (net->channels == NULL || net->first == NULL || net->features == NULL || net->cotangents == NULL)
		return FINITE_NO_MEMORY;
	for (uint32_t s = 0; s < steps; s++) {
		StepCost cost = step_cost(plan, s, width, samples, with_ntk);
		if (cost.rows > INT32_MAX || cost.tap_size > INT32_MAX || cost.features / cost.rows > INT32_MAX)
			return FINITE_NO_MEMORY;
		net->channels[s] = (size_t)channels_count(&plan->channels, plan->steps[s].channels, width);
		net->first[s] = (size_t)parameters;
		net->features[s] = numbers(cost.features);
		if (net->features[s] == NULL)
			return FINITE_NO_MEMORY;
		parameters += cost.parameters;
		gathered = fmax(gathered, cost.gathered);
		gradients = fmax(gradients, samples * fmax(cost.tap_size, (double)net->channels[s]));
	}
	net->parameters = numbers(parameters);
	net->parameter_count = (size_t)parameters;
	net->rows = numbers(gathered);
	net->gradients = with_ntk ? numbers(gradients) : NULL;
	bool good = net->parameters != NULL && net->rows != NULL && (!with_ntk || net->gradients != NULL);
	return good ? FINITE_OK : FINITE_NO_MEMORY;
}

void finite_net_destroy(FiniteNet *net)
{
	for (uint32_t s = 0; s < net->plan->step_count; s++) {
		if (net->features != NULL)
			free(net->features[s]);
		if (net->cotangents != NULL)
			free(net->cotangents[s]);
	}
	free(net->channels);
	free(net->first);
	free(net->features);
	free(net->cotangents);
	free(net->parameters);
	free(net->rows);
	free(net->gradients);
}

void finite_net_draw(FiniteNet *net, Random *random)
{
	for (size_t i = 0; i < net->parameter_count; i++)
		net->parameters[i] = random_normal(random);
	if (net->plan->drops)
		net->mask_seed = random_bits(random);
}

FiniteStatus finite_net_forward(FiniteNet *net, const double *x)
{
	uint32_t last = net->plan->step_count - 1;
	for (uint32_t s = 0; s <= last; s++)
		step_forward(net, s, x);
	for (size_t i = 0; i < net->samples * net->channels[last]; i++)
		if (!isfinite(net->features[last][i]))
			return FINITE_OVERFLOW;
	return FINITE_OK;
}

/* Zeroed cotangents for the inputs that the step will add to. */
static bool prepare_inputs(FiniteNet *net, const Step *step)
{
	for (uint32_t i = 0; i < step->input_count; i++) {
		uint32_t input = step->inputs[i];
		const Step *from = &net->plan->steps[input];
		if (!from->trained || net->cotangents[input] != NULL)
			continue;
		net->cotangents[input] = calloc(step_rows(net, from) * net->channels[input] + 1, sizeof(double));
		if (net->cotangents[input] == NULL)
			return false;
	}
	return true;
}

FiniteStatus finite_net_ntk(FiniteNet *net, const double *v, double *ntk)
{
	uint32_t last = net->plan->step_count - 1;
	size_t n = net->samples, outputs = net->channels[last];
	memset(ntk, 0, n * n * sizeof *ntk);
	if (!net->plan->steps[last].trained)
		return FINITE_OK;
	net->cotangents[last] = numbers((double)(n * outputs));
	if (net->cotangents[last] == NULL)
		return FINITE_NO_MEMORY;
	for (size_t i = 0; i < n; i++)
		memcpy(net->cotangents[last] + i * outputs, v, outputs * sizeof *v);
	for (uint32_t s = last + 1; s-- > 0;) {
		if (net->cotangents[s] == NULL)
			continue; /* nothing before it has parameters */
		if (!prepare_inputs(net, &net->plan->steps[s]))
			return FINITE_NO_MEMORY;
		step_backward(net, s, ntk);
		free(net->cotangents[s]);
		net->cotangents[s] = NULL;
	}
	for (size_t i = 0; i < n * n; i++)
		if (!isfinite(ntk[i]))
			return FINITE_OVERFLOW;
	return FINITE_OK;
}

/* ---- kernels -------------------------------------------------------------------------------------------------- */

/* [KR-32] The mean over output channels of products of outputs. */
static void output_products(const FiniteNet *net, double *nngp)
{
	uint32_t last = net->plan->step_count - 1;
	int n = (int)net->samples, outputs = (int)net->channels[last];
	cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, n, outputs, 1 / (double)outputs, net->features[last],
		    outputs, net->features[last], outputs, 0, nngp, n);
}

/* The trace over output channels divided by their number, estimated without bias from one vector of random signs: behind
 * a last dense layer this is the NTK of one output, in distribution. */
static FiniteStatus output_ntk(FiniteNet *net, Random *random, double *ntk)
{
	size_t outputs = net->channels[net->plan->step_count - 1];
	double *v = numbers((double)outputs);
	if (v == NULL)
		return FINITE_NO_MEMORY;
	for (size_t i = 0; i < outputs; i++)
		v[i] = (random_bits(random) >> 63 ? 1 : -1) / sqrt((double)outputs);
	FiniteStatus status = finite_net_ntk(net, v, ntk);
	free(v);
	return status;
}

FiniteStatus finite_kernels(const FinitePlan *plan, const double *params, uint32_t width, uint64_t seed,
			    uint64_t number, const FiniteSamples *x, double *nngp, double *ntk)
{
	FiniteNet net;
	Random random = random_begin(seed, width, number);
	FiniteStatus status = finite_net_create(plan, params, width, x->count, ntk != NULL, &net);
	if (status == FINITE_OK) {
		finite_net_draw(&net, &random);
		status = finite_net_forward(&net, x->values);
	}
	if (status == FINITE_OK) {
		output_products(&net, nngp);
		if (ntk != NULL)
			status = output_ntk(&net, &random, ntk);
	}
	finite_net_destroy(&net);
	return status;
}
